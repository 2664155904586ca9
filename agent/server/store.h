/* store.h - the server's memory: a directory with one database that only this
 * process writes, or no directory and all in memory.
 *
 * It survives what disks do. A damaged database is set aside under the name
 * flametrail.db.damaged-TIME and a new one begun, at start or when the damage is
 * met later; then ids handed out before mean nothing any more and the epoch of
 * the store (ft_store_epoch) has changed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct ft_database;
struct ft_slice_host;
struct ft_slice_kind;
struct ft_store;

enum ft_store_mode {
	FT_STORE_WRITE,
	FT_STORE_READ, /* never changes the directory; damage is an error */
};

/* A kind of sample as stored; texts are owned by whoever holds it. */
struct ft_store_kind {
	uint32_t id;
	uint64_t period;
	char name[64], events[64], value[64], unit[64];
};

#define FT_STORE_MAX_KINDS 64u

/* Open the store in dir (made when missing; NULL: in memory). 0; -EBUSY: another
 * server has it; -EROFS or another error of database.h or mkdir(2). The caller owns
 * *ret_store. dir is copied. */
int ft_store_open(const char *dir, enum ft_store_mode mode,
		  struct ft_store **ret_store) FT_MUST_CHECK;
void ft_store_freep(struct ft_store **p);
#define _cleanup_store_ FT_CLEANUP(ft_store_freep)

/* Where to read and write; borrowed until the next ft_store_heal(). */
struct ft_database *ft_store_database(struct ft_store *store);
/* Grows when the database was replaced. */
uint64_t ft_store_epoch(const struct ft_store *store);

/* To be told every error met in using the database. For damage (-EUCLEAN) a new
 * database replaces it: 1 then; 0 for other errors; negative when even that failed. */
int ft_store_heal(struct ft_store *store, int error) FT_MUST_CHECK;

/* Facts about the host, kept as texts "hostname", "kernel", "boot_id", "agent",
 * "ncpu". Putting needs an open transaction. */
int ft_store_put_host(struct ft_store *store, const struct ft_slice_host *host) FT_MUST_CHECK;
/* One fact, "" when it is not known, cut to size. Returns text. */
const char *ft_store_fact(struct ft_store *store, const char *name, char *text, size_t size);

/* The store's id for a kind, new or known by its name. Needs an open transaction. */
int ft_store_put_kind(struct ft_store *store, const struct ft_slice_kind *kind,
		      uint32_t *ret_id) FT_MUST_CHECK;
/* All kinds, oldest first, at most FT_STORE_MAX_KINDS. 0 or an error. */
int ft_store_kinds(struct ft_store *store, struct ft_store_kind kinds[static FT_STORE_MAX_KINDS],
		   uint32_t *ret_n) FT_MUST_CHECK;

/* Bytes of the database file. */
uint64_t ft_store_bytes(struct ft_store *store);
