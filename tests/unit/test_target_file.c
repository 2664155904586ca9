/* A hostile process names files: links that lead out of its root, pipes that would block,
 * devices, what others keep to themselves. As root, since only root may look. */
#include "agent/capture/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "tests/ft_check.h"

#define NOBODY 65534

/* A directory, and a child whose root it is. */
struct jail {
	char path[64];
	pid_t pid;
};

static void in_jail(const struct jail *jail, const char *name, char path[static 256])
{
	snprintf(path, 256, "%s/%s", jail->path, name);
}

static void put(const struct jail *jail, const char *name, const char *text, mode_t mode)
{
	char path[256];
	int fd;

	in_jail(jail, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void inhabit(struct jail *jail, uid_t uid, bool dumpable)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	jail->pid = fork();
	ck_assert_int_ge(jail->pid, 0);
	if (jail->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chroot(jail->path) < 0 || chdir("/") < 0)
			_exit(1);
		if (uid && (setgid(uid) < 0 || setuid(uid) < 0))
			_exit(1);
		prctl(PR_SET_DUMPABLE, dumpable);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		while (true)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static void kill_inhabitant(struct jail *jail)
{
	if (jail->pid > 0) {
		kill(jail->pid, SIGKILL);
		waitpid(jail->pid, NULL, 0);
	}
	jail->pid = 0;
}

static struct jail make_jail(void)
{
	struct jail jail = { "/tmp/ft-jail-XXXXXX", 0 };
	char path[256];

	ck_assert_ptr_nonnull(mkdtemp(jail.path));
	ck_assert_int_eq(chmod(jail.path, 0755), 0);
	put(&jail, "program", "inside", 0755);
	put(&jail, "secret", "root's", 0600);
	put(&jail, "shadow-target", "in the jail", 0644);
	in_jail(&jail, "directory", path);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	in_jail(&jail, "pipe", path);
	ck_assert_int_eq(mkfifo(path, 0666), 0);
	in_jail(&jail, "link", path);
	ck_assert_int_eq(symlink("/program", path), 0);
	in_jail(&jail, "escape", path);
	ck_assert_int_eq(symlink("../../../../../../etc/passwd", path), 0);
	in_jail(&jail, "loop", path);
	ck_assert_int_eq(symlink("loop", path), 0);
	in_jail(&jail, "device", path);
	/* Where device nodes cannot be made there is a directory in its place. */
	if (mknod(path, S_IFCHR | 0666, makedev(1, 5)) < 0)
		ck_assert_int_eq(mkdir(path, 0755), 0);
	return jail;
}

static void free_jail(struct jail *jail)
{
	static const char *const names[] = { "program",	  "secret", "shadow-target",
					     "directory", "pipe",   "link",
					     "escape",	  "loop",   "device",
					     "huge",	  "new" };
	char path[256];

	kill_inhabitant(jail);
	for (size_t i = 0; i < FT_COUNT(names); i++) {
		in_jail(jail, names[i], path);
		remove(path);
	}
	rmdir(jail->path);
}

static struct ft_inode inode_of(const struct jail *jail, const char *name)
{
	char path[256];
	struct stat st;

	in_jail(jail, name, path);
	ck_assert_int_eq(stat(path, &st), 0);
	return (struct ft_inode){ major(st.st_dev), minor(st.st_dev), st.st_ino, 0 };
}

/* What opening gives; the descriptor is closed, or was never touched. */
static int try(const struct jail *jail, const char *path, const struct ft_inode *inode,
	       char text[static 32], enum ft_target_trust *trust)
{
	struct ft_target_file file = { .fd = -7 };
	int r = ft_target_file_open((uint32_t)jail->pid, path, inode, &file);
	ssize_t n;

	if (r < 0) {
		ck_assert_int_eq(file.fd, -7);
		return r;
	}
	ck_assert(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(fcntl(file.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	n = read(file.fd, text, 31);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	*trust = file.trust;
	close(file.fd);
	return 0;
}

/* same: the inode asked for is that of this file in the jail; NULL: of a file on a device
 * that does not exist, as overlayfs would have it. */
static const struct {
	const char *path, *same;
	int r;
	const char *text;
} cases[] = {
	{ "/program", "program", 0, "inside" },
	{ "program", "program", 0, "inside" },
	{ "/link", "program", 0, "inside" },
	{ "/../../../program", "program", 0, "inside" },
	{ "/escape", "program", -ENOENT, NULL },
	{ "/etc/passwd", "program", -ENOENT, NULL },
	{ "/loop", "program", -ELOOP, NULL },
	{ "/pipe", "pipe", -EINVAL, NULL },
	{ "/device", "device", -EINVAL, NULL },
	{ "/directory", "directory", -EINVAL, NULL },
	{ "/", "directory", -EINVAL, NULL },
	{ "/program/", "program", -ENOTDIR, NULL },
	{ "", "program", -ENOENT, NULL },
	{ "/program (deleted)", "program", -ENOENT, NULL },
	/* It maps it, so it could read it when it did. */
	{ "/secret", "secret", 0, "root's" },
	/* Other files of the same device are other files. */
	{ "/program", "secret", -ESTALE, NULL },
	{ "/link", "link-is-never-asked", -ESTALE, NULL },
};

START_TEST(opens_only_what_it_should)
{
	struct jail jail = make_jail();
	struct ft_inode inode = { 8, 1, 1, 0 };
	enum ft_target_trust trust;
	char text[32];
	int r;

	if (strcmp(cases[_i].same, "link-is-never-asked") == 0) {
		inode = inode_of(&jail, "program");
		inode.number++;
	} else {
		inode = inode_of(&jail, cases[_i].same);
	}
	inhabit(&jail, NOBODY, true);
	r = try(&jail, cases[_i].path, &inode, text, &trust);
	free_jail(&jail);
	ck_assert_int_eq(r, cases[_i].r);
	if (r == 0) {
		ck_assert_str_eq(text, cases[_i].text);
		ck_assert_int_eq(trust, FT_TARGET_SAME_INODE);
	}
}
END_TEST

/* The jail lies on a device (ESTALE: another device is another file), or on a file system
 * that numbers as it likes (then what the process may read is opened). Either way nobody
 * gets what only root may read, also when he forbids to be dumped. */
START_TEST(never_opens_what_is_not_its_to_read)
{
	struct jail jail = make_jail();
	struct ft_inode elsewhere = { 4000, 77, 1, 0 };
	bool numbers_freely = inode_of(&jail, "program").major == 0;
	enum ft_target_trust trust = FT_TARGET_SAME_INODE;
	char text[32];
	int open_to_all, secret;

	inhabit(&jail, NOBODY, _i);
	open_to_all = try(&jail, "/program", &elsewhere, text, &trust);
	secret = try(&jail, "/secret", &elsewhere, text, &trust);
	free_jail(&jail);
	ck_assert_int_eq(open_to_all, numbers_freely ? 0 : -ESTALE);
	ck_assert_int_eq(secret, numbers_freely ? -EACCES : -ESTALE);
	if (numbers_freely)
		ck_assert_int_eq(trust, FT_TARGET_SAME_PATH);
}
END_TEST

START_TEST(notices_a_replaced_file)
{
	struct jail jail = make_jail();
	struct ft_inode inode = inode_of(&jail, "program");
	enum ft_target_trust trust;
	char text[32], from[256], to[256];
	int r;

	put(&jail, "new", "replaced", 0755);
	in_jail(&jail, "new", from);
	in_jail(&jail, "program", to);
	inhabit(&jail, 0, true);
	ck_assert_int_eq(try(&jail, "/program", &inode, text, &trust), 0);
	ck_assert_int_eq(rename(from, to), 0);
	r = try(&jail, "/program", &inode, text, &trust);
	free_jail(&jail);
	ck_assert_int_eq(r, -ESTALE);
}
END_TEST

START_TEST(refuses_a_giant)
{
	struct jail jail = make_jail();
	enum ft_target_trust trust;
	struct ft_inode inode;
	char text[32], path[256];
	int r;

	put(&jail, "huge", "", 0644);
	in_jail(&jail, "huge", path);
	if (truncate(path, (off_t)FT_TARGET_FILE_MAX_BYTES + 1) < 0) {
		free_jail(&jail);
		return; /* this file system has none so large */
	}
	inode = inode_of(&jail, "huge");
	inhabit(&jail, 0, true);
	r = try(&jail, "/huge", &inode, text, &trust);
	free_jail(&jail);
	ck_assert_int_eq(r, -EFBIG);
}
END_TEST

/* Gone, and gone but not buried. */
START_TEST(says_that_the_process_has_gone)
{
	struct jail jail = make_jail();
	struct ft_inode inode = inode_of(&jail, "program");
	enum ft_target_trust trust;
	siginfo_t info;
	char text[32];
	int zombie, gone;

	inhabit(&jail, 0, true);
	kill(jail.pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)jail.pid, &info, WEXITED | WNOWAIT), 0);
	zombie = try(&jail, "/program", &inode, text, &trust);
	waitpid(jail.pid, NULL, 0);
	gone = try(&jail, "/program", &inode, text, &trust);
	jail.pid = 0;
	free_jail(&jail);
	ck_assert_int_eq(zombie, -ESRCH);
	ck_assert_int_eq(gone, -ESRCH);
}
END_TEST

START_TEST(here_only_the_inode_counts)
{
	struct jail jail = make_jail();
	struct ft_inode inode = inode_of(&jail, "program");
	struct ft_inode elsewhere = { 4000, 77, 1, 0 };
	struct ft_target_file file = { .fd = -7 };
	char path[256];
	int same, other;

	in_jail(&jail, "program", path);
	other = ft_target_file_open_here(path, &elsewhere, &file);
	ck_assert_int_eq(file.fd, -7);
	same = ft_target_file_open_here(path, &inode, &file);
	free_jail(&jail);
	ft_closep(&file.fd);
	ck_assert_int_eq(other, -ESTALE);
	ck_assert_int_eq(same, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, here_only_the_inode_counts);
	if (geteuid() != 0) {
		fprintf(stderr, "target_file: most of it is skipped, it needs root\n");
		return;
	}
	tcase_add_loop_test(tc, opens_only_what_it_should, 0, FT_CASES(cases));
	tcase_add_loop_test(tc, never_opens_what_is_not_its_to_read, 0, 2);
	tcase_add_test(tc, notices_a_replaced_file);
	tcase_add_test(tc, refuses_a_giant);
	tcase_add_test(tc, says_that_the_process_has_gone);
}

FT_CHECK_MAIN("target_file", add_tests)
