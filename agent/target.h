/* target.h - what `record` is pointed at: running processes, or a command of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/why.h"

/* Processes named with -p, watched so that recording can end when they do. */
struct ft_watch {
	struct {
		pid_t pid;
		int fd; /* pidfd; -1: it has ended */
	} * targets;
	size_t n;
};

/* Read "12,34" into watch. 0, or -errno with why: no number, no such process, or a
 * thread where a process is meant. */
int ft_watch_parse(const char *text, struct ft_watch *watch, struct ft_why *why) FT_MUST_CHECK;
/* Processes still alive. */
size_t ft_watch_alive(struct ft_watch *watch);
void ft_watch_deinit(struct ft_watch *watch);

/* A command that waits before its first instruction until it is told to go. */
struct ft_command {
	pid_t pid; /* 0: none */
	int go;	   /* write end: the child waits for it to close */
	int error; /* read end: errno, when exec failed */
};

#define FT_COMMAND_NONE ((struct ft_command){ .go = -1, .error = -1 })

/* Fork; the child waits. 0, or -errno with why. */
int ft_command_prepare(char **argv, struct ft_command *command, struct ft_why *why) FT_MUST_CHECK;
/* Let it run. 0, or -errno with why when it cannot be executed (it is reaped then). */
int ft_command_go(struct ft_command *command, const char *name, struct ft_why *why) FT_MUST_CHECK;
/* Kill and reap a command that was not let go, close descriptors. */
void ft_command_deinit(struct ft_command *command);
