#include "agent/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/units.h"

#define MAX_PIDS 1024u

/* The thread group of a task: itself for a process, 0 when there is none. */
static pid_t group_of(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *line;
	size_t len;
	int group = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (ft_read_file(path, 65536, &text, &len) < 0)
		return 0;
	line = strstr(text, "\nTgid:");
	if (!line || sscanf(line, "\nTgid: %d", &group) != 1)
		return 0;
	return group;
}

static int add(struct ft_watch *watch, pid_t pid, struct ft_why *why)
{
	pid_t group = group_of(pid);
	void *targets;
	long fd;

	if (group == 0)
		return ft_why(why, -ESRCH, "there is no process %d; `ps -e` lists those there are",
			      pid);
	if (group != pid)
		return ft_why(why, -EINVAL, "%d is a thread of process %d; use -p %d", pid, group,
			      group);
	if (watch->n == MAX_PIDS)
		return ft_why(why, -E2BIG, "more than %u processes; record the whole host with -a",
			      MAX_PIDS);
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return ft_why(why, -errno, "cannot watch process %d: %s", pid, strerror(errno));
	targets = reallocarray(watch->targets, watch->n + 1, sizeof(*watch->targets));
	if (!targets) {
		close((int)fd);
		return ft_why(why, -ENOMEM, "out of memory");
	}
	watch->targets = targets;
	watch->targets[watch->n].pid = pid;
	watch->targets[watch->n].fd = (int)fd;
	watch->n++;
	return 0;
}

int ft_watch_parse(const char *text, struct ft_watch *watch, struct ft_why *why)
{
	while (true) {
		size_t len = strcspn(text, ",");
		char number[16];
		uint64_t pid;
		int r;

		if (len >= sizeof(number))
			return ft_why(why, -EINVAL, "\"%s\" is not a process id", text);
		memcpy(number, text, len);
		number[len] = '\0';
		if (ft_parse_number(number, 1, INT32_MAX, &pid) < 0)
			return ft_why(why, -EINVAL,
				      "\"%s\" is not a process id; give numbers, as in -p 12,34",
				      number);
		r = add(watch, (pid_t)pid, why);
		if (r < 0)
			return r;
		if (text[len] == '\0')
			return 0;
		text += len + 1;
	}
}

size_t ft_watch_alive(struct ft_watch *watch)
{
	size_t alive = 0;

	for (size_t i = 0; i < watch->n; i++) {
		struct pollfd ended = { .fd = watch->targets[i].fd, .events = POLLIN };

		if (ended.fd >= 0 && poll(&ended, 1, 0) > 0)
			ft_closep(&watch->targets[i].fd);
		alive += watch->targets[i].fd >= 0;
	}
	return alive;
}

void ft_watch_deinit(struct ft_watch *watch)
{
	for (size_t i = 0; i < watch->n; i++)
		ft_closep(&watch->targets[i].fd);
	free(watch->targets);
	*watch = (struct ft_watch){ 0 };
}

static void run_child(char **argv, int go, int error)
{
	char byte;
	int failure;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* we ignore it, and what is ignored stays so over exec */
	while (read(go, &byte, 1) < 0 && errno == EINTR)
		continue;
	execvp(argv[0], argv);
	failure = errno;
	if (write(error, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

int ft_command_prepare(char **argv, struct ft_command *command, struct ft_why *why)
{
	_cleanup_close_ int go_read = -1, go_write = -1, error_read = -1, error_write = -1;
	int go[2], error[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return ft_why(why, -errno, "cannot make a pipe: %s", strerror(errno));
	go_read = go[0];
	go_write = go[1];
	if (pipe2(error, O_CLOEXEC) < 0)
		return ft_why(why, -errno, "cannot make a pipe: %s", strerror(errno));
	error_read = error[0];
	error_write = error[1];
	pid = fork();
	if (pid < 0)
		return ft_why(why, -errno, "cannot start %s: %s", argv[0], strerror(errno));
	if (pid == 0) {
		ft_closep(&go_write); /* else it would wait for itself */
		run_child(argv, go_read, error_write);
	}
	*command = (struct ft_command){ .pid = pid,
					.go = FT_TAKE_FD(go_write),
					.error = FT_TAKE_FD(error_read) };
	return 0;
}

int ft_command_go(struct ft_command *command, const char *name, struct ft_why *why)
{
	int failure = 0;
	ssize_t n;

	ft_closep(&command->go);
	/* Closes without a word when exec succeeds. */
	do {
		n = read(command->error, &failure, sizeof(failure));
	} while (n < 0 && errno == EINTR);
	ft_closep(&command->error);
	if (n != sizeof(failure))
		return 0;
	waitpid(command->pid, NULL, 0);
	command->pid = 0;
	return ft_why(why, -failure, "cannot run %s: %s", name, strerror(failure));
}

void ft_command_deinit(struct ft_command *command)
{
	if (command->pid > 0 && command->go >= 0) {
		kill(command->pid, SIGKILL);
		waitpid(command->pid, NULL, 0);
	}
	ft_closep(&command->go);
	ft_closep(&command->error);
	*command = FT_COMMAND_NONE;
}
