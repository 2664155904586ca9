/* cmd_agent.c - flametrail agent: profile this host and serve the viewer. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_settings.h"
#include "agent/commands.h"
#include "agent/listen.h"
#include "agent/privileges.h"
#include "agent/slice_file.h"
#include "agent/supervisor.h"
#include "base/io.h"
#include "base/log.h"

#define CONFIG_MAX_BYTES (1u << 20)

static const char help[] =
	"usage: flametrail agent [OPTIONS]\n"
	"\n"
	"Profile this host continuously, keep its windows, serve the viewer.\n"
	"\n"
	"  --listen ADDR:PORT | unix:PATH   default 127.0.0.1:7117\n"
	"  --store DIR         where windows are kept; default /var/lib/flametrail as root\n"
	"  --window TIME       length of a window, default 10s\n"
	"  --frequency HZ      samples per second and CPU, default 99\n"
	"  --cycles            sample by hardware cycles in place of the CPU clock\n"
	"  --pprof-dir DIR     also write each window there as a pprof file\n"
	"  --token TEXT        needed to listen beyond loopback; clients send it\n"
	"  --allow-host NAME   answer requests for this host name, too (may be repeated)\n"
	"  --replay FILE       no sampling: feed slices recorded with record --raw\n"
	"  --config FILE       settings as lines \"listen = 127.0.0.1:7117\"\n"
	"  --help\n"
	"\n"
	"Every setting but --config is also read from the environment: FLAMETRAIL_LISTEN ...\n"
	"Needs root, or the capabilities that `flametrail doctor` lists.\n";

static int read_config(struct ft_agent_settings *settings, const char *path, struct ft_why *why)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = ft_read_file(path, CONFIG_MAX_BYTES, &text, &len);

	if (r < 0)
		return ft_why(why, r, "cannot read %s: %s", path, strerror(-r));
	return ft_agent_settings_text(settings, text, why);
}

/* The value of --config, wherever it stands: the file comes first, flags win over it. */
static const char *find_config(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			return argv[i + 1];
		if (strncmp(argv[i], "--config=", 9) == 0)
			return argv[i] + 9;
	}
	return NULL;
}

static int take_flag(struct ft_agent_settings *settings, int argc, char **argv, int *i,
		     struct ft_why *why)
{
	const char *flag = argv[*i], *equals = strchr(flag, '=');
	const char *value = equals ? equals + 1 : "";
	bool takes_value = true;
	char name[64];

	if (strncmp(flag, "--", 2) != 0 || !flag[2])
		return ft_why(why, -EINVAL, "\"%s\" is no option; see flametrail agent --help",
			      flag);
	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - flag - 2) : 60, flag + 2);
	if (strcmp(name, "config") != 0 && !ft_agent_settings_has(name, &takes_value))
		return ft_why(why, -EINVAL, "unknown option --%s; see flametrail agent --help",
			      name);
	if (takes_value && !equals) {
		if (*i + 1 >= argc)
			return ft_why(why, -EINVAL, "--%s wants a value", name);
		value = argv[++*i];
	}
	return strcmp(name, "config") == 0 ? 0 : ft_agent_settings_set(settings, name, value, why);
}

/* 0, 1 when only help was asked for, or -errno with why. */
static int parse(int argc, char **argv, struct ft_agent_settings *settings, struct ft_why *why)
{
	const char *config = find_config(argc, argv);
	int r = 0;

	ft_agent_settings_init(settings);
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			return 1;
		}
	if (config)
		r = read_config(settings, config, why);
	if (r == 0)
		r = ft_agent_settings_environment(settings, why);
	for (int i = 1; r == 0 && i < argc; i++)
		r = take_flag(settings, argc, argv, &i, why);
	return r;
}

/* A directory the server's user can write: made by us, who may; it could not. */
static int make_directory(const char *path, struct ft_why *why)
{
	uid_t uid = ft_role_uid(FT_ROLE_SERVER);
	struct stat st;
	int r;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0
					   : ft_why(why, -ENOTDIR,
						    "%s is not a directory; choose another", path);
	r = ft_make_dirs(path, 0755);
	if (r == 0 && chmod(path, 0700) < 0)
		r = -errno;
	if (r == 0 && uid != geteuid() && chown(path, uid, uid) < 0)
		r = -errno;
	if (r < 0)
		return ft_why(why, r, "cannot make directory %s: %s; choose another with --store",
			      path, strerror(-r));
	return 0;
}

/* A store made by another user (an older version, root in a container) is handed over. */
static int hand_over(const char *path, struct ft_why *why)
{
	uid_t uid = ft_role_uid(FT_ROLE_SERVER);
	struct stat st;

	if (geteuid() != 0 || stat(path, &st) < 0 || st.st_uid == uid || st.st_mode & S_IWOTH)
		return 0;
	if (st.st_uid != 0)
		return ft_why(why, -EACCES,
			      "directory %s belongs to user %u; choose another with --store, or "
			      "give it to user %u",
			      path, st.st_uid, uid);
	return chown(path, uid, uid) < 0 ? ft_why(why, -errno, "cannot give %s to user %u: %s",
						  path, uid, strerror(errno))
					 : 0;
}

static int prepare_directories(const struct ft_agent_settings *settings, struct ft_why *why)
{
	int r = make_directory(settings->store, why);

	if (r == 0)
		r = hand_over(settings->store, why);
	if (r == 0 && *settings->pprof_dir)
		r = make_directory(settings->pprof_dir, why);
	return r;
}

/* Profiles tell much about a host: strangers need a token. */
static int check_reach(const struct ft_agent_settings *settings, const struct ft_listen *listening,
		       struct ft_why *why)
{
	if (listening->is_loopback || listening->is_unix || *settings->token)
		return 0;
	return ft_why(why, -EACCES,
		      "%s can be reached from other hosts; set --token (or FLAMETRAIL_TOKEN), or "
		      "listen on 127.0.0.1 or unix:PATH",
		      listening->text);
}

static int serve(const struct ft_agent_settings *settings, const struct ft_listen *listening,
		 struct ft_why *why)
{
	const char *hosts[FT_AGENT_MAX_HOSTS + 1] = { NULL };
	const char *replay = *settings->replay ? settings->replay : NULL;
	int r;

	r = check_reach(settings, listening, why);
	if (r == 0)
		r = prepare_directories(settings, why);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < settings->n_hosts; i++)
		hosts[i] = settings->hosts[i];
	return ft_supervisor_run(&(struct ft_supervisor_options){
		.collector = { .hz = settings->hz,
			       .cycles = settings->cycles,
			       .agent = "flametrail " FT_VERSION },
		.replay = replay,
		.address = listening->url,
		.server = {
			.listen_fd = listening->fd,
			.listen_is_unix = listening->is_unix,
			.listen_text = listening->text,
			.store_dir = settings->store,
			.window_ns = settings->window_ns,
			.pprof_dir = *settings->pprof_dir ? settings->pprof_dir : NULL,
			.token = *settings->token ? settings->token : NULL,
			.allow_hosts = hosts,
			/* What is replayed neither grows nor goes stale. */
			.source = replay ? "file" : "agent",
		},
	});
}

/* Whatever can be wrong with the question is found before anything is made. */
static int run(const struct ft_agent_settings *settings, struct ft_why *why)
{
	struct ft_listen listening;
	int r = 0;

	/* What the caller had open is no business of the workers. */
	if (close_range(3, ~0u, 0) < 0)
		return ft_why(why, -errno, "cannot close descriptors: %s", strerror(errno));
	if (*settings->replay)
		r = ft_slice_file_check(settings->replay, why);
	if (r < 0)
		return r;
	r = ft_listen_open(settings->listen, &listening);
	if (r < 0)
		return r == -EINVAL ? 2 : 1; /* it has said why */
	r = serve(settings, &listening, why);
	if (listening.is_unix)
		unlink(listening.text);
	ft_closep(&listening.fd);
	return r;
}

int ft_cmd_agent(int argc, char **argv)
{
	struct ft_agent_settings settings;
	struct ft_why why = { "" };
	int r;

	r = parse(argc, argv, &settings, &why);
	if (r > 0)
		return 0;
	if (r == -EINVAL) {
		ft_complain("%s", why.text);
		return 2;
	}
	if (r == 0)
		r = run(&settings, &why);
	if (r < 0)
		ft_complain("%s", why.text);
	return r < 0 ? 1 : r;
}
