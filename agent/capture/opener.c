#include "agent/capture/opener.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "agent/capture/target_file.h"
#include "base/clock.h"

#define STACK_BYTES (128u << 10)

struct ft_opener {
	pthread_mutex_t lock;
	pthread_cond_t done;
	uint32_t refs; /* the owner, and each thread */
	uint32_t n_stuck;
};

/* One file. Belongs to the thread once it was left behind, else to who waits. */
struct job {
	struct ft_opener *opener;
	uint32_t pid;
	struct ft_inode inode;
	struct ft_target_file file;
	int result;
	bool done, left_behind;
	char path[];
};

int ft_opener_new(struct ft_opener **ret_opener)
{
	struct ft_opener *opener = calloc(1, sizeof(*opener));

	if (!opener)
		return -ENOMEM;
	pthread_mutex_init(&opener->lock, NULL);
	pthread_cond_init(&opener->done, NULL);
	opener->refs = 1;
	*ret_opener = opener;
	return 0;
}

/* Called with the lock held, which is gone afterwards. */
static void unref(struct ft_opener *opener)
{
	bool last = --opener->refs == 0;

	pthread_mutex_unlock(&opener->lock);
	if (!last)
		return;
	pthread_cond_destroy(&opener->done);
	pthread_mutex_destroy(&opener->lock);
	free(opener);
}

void ft_opener_freep(struct ft_opener **p)
{
	struct ft_opener *opener = FT_TAKE(*p);

	if (!opener)
		return;
	pthread_mutex_lock(&opener->lock);
	unref(opener);
}

static void *run(void *context)
{
	struct job *job = context;
	struct ft_opener *opener = job->opener;
	struct ft_target_file file = { .fd = -1 };
	int r = job->pid ? ft_target_file_open(job->pid, job->path, &job->inode, &file)
			 : ft_target_file_open_here(job->path, &job->inode, &file);

	pthread_mutex_lock(&opener->lock);
	if (job->left_behind) {
		ft_closep(&file.fd);
		free(job);
		opener->n_stuck--;
	} else {
		job->file = file;
		job->result = r;
		job->done = true;
		pthread_cond_signal(&opener->done);
	}
	unref(opener);
	return NULL;
}

static int start(struct job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int r;

	if (pthread_attr_init(&attributes) != 0)
		return -ENOMEM;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, run, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* Called with the lock held. Is it done? */
static bool wait_for(struct job *job)
{
	uint64_t until_ns = ft_monotonic_ns() + FT_OPENER_WAIT_MS * FT_NS_PER_MS;
	struct timespec until = { .tv_sec = (time_t)(until_ns / FT_NS_PER_SEC),
				  .tv_nsec = (long)(until_ns % FT_NS_PER_SEC) };
	int r = 0;

	while (!job->done && r == 0)
		r = pthread_cond_clockwait(&job->opener->done, &job->opener->lock, CLOCK_MONOTONIC,
					   &until);
	return job->done;
}

static int open_with(struct job *job, struct ft_target_file *ret_file)
{
	struct ft_opener *opener = job->opener;
	int r;

	pthread_mutex_lock(&opener->lock);
	r = opener->n_stuck < FT_OPENER_MAX_STUCK ? start(job) : -EBUSY;
	if (r == 0) {
		opener->refs++;
		if (!wait_for(job)) {
			job->left_behind = true;
			opener->n_stuck++;
			pthread_mutex_unlock(&opener->lock);
			return -ETIMEDOUT;
		}
		r = job->result;
	}
	pthread_mutex_unlock(&opener->lock);
	if (r == 0)
		*ret_file = job->file;
	free(job);
	return r;
}

int ft_opener_open(struct ft_opener *opener, uint32_t pid, const char *path,
		   const struct ft_inode *inode, struct ft_target_file *ret_file)
{
	size_t len = strlen(path);
	struct job *job = malloc(sizeof(*job) + len + 1);

	if (!job)
		return -ENOMEM;
	*job = (struct job){ .opener = opener, .pid = pid, .inode = *inode, .file = { .fd = -1 } };
	memcpy(job->path, path, len + 1);
	return open_with(job, ret_file);
}
