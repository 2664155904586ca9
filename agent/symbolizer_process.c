#include "agent/symbolizer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "agent/privileges.h"
#include "base/io.h"
#include "base/log.h"
#include "symbolizer/worker.h"

#define CHILD_SOCKET 3

static void become_child(int socket)
{
	static char name[] = "flametrail-symbolizer", command[] = FT_SYMBOLIZER_COMMAND;
	static char *const argv[] = { name, command, NULL };
	static char *const environment[] = { NULL };
	sigset_t none;
	int null;

	/* The number 3 may be the socket itself; dup2 would then keep close-on-exec. */
	if (socket == CHILD_SOCKET) {
		if (fcntl(socket, F_SETFD, 0) < 0)
			_exit(125);
	} else if (dup2(socket, CHILD_SOCKET) < 0) {
		_exit(125);
	}
	/* Answers on standard output and questions on standard input are not its business. */
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(125);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/proc/self/exe", argv, environment);
	_exit(125);
}

int ft_symbolizer_spawn(pid_t *ret_pid, int *ret_socket)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	pid_t pid;
	int r;

	r = ft_socket_pair(SOCK_SEQPACKET, &ours, &theirs);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_child(theirs);
	*ret_pid = pid;
	*ret_socket = FT_TAKE_FD(ours);
	return 0;
}

int ft_symbolizer_main(void)
{
	int r;

	ft_log_set_process("symbolizer");
	prctl(PR_SET_NAME, "ft-symbolizer");
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent, who closes the socket */
	if (close_range(CHILD_SOCKET + 1, ~0u, 0) < 0)
		return EXIT_FAILURE;
	r = ft_become(FT_ROLE_SYMBOLIZER);
	if (r < 0) {
		ft_log(FT_LOG_ERROR, "cannot give up privileges", ft_kv_errno(r));
		return EXIT_FAILURE;
	}
	r = ft_symbolizer_serve(CHILD_SOCKET);
	if (r < 0)
		ft_log(FT_LOG_WARN, "symbolizer ended", ft_kv_errno(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
