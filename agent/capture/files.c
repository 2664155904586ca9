#include "agent/capture/files.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/index.h"

struct ft_files {
	struct ft_array all;	/* struct ft_file */
	struct ft_array vacant; /* uint32_t: numbers to give again */
	struct ft_index index;
	uint64_t n_refused;
	char *boot_id; /* tells the kernel's addresses of one boot from another's */
};

struct key {
	const struct ft_inode *inode;
	const char *path;
	size_t path_len;
};

static int add(struct ft_files *files, const struct ft_inode *inode, uint8_t kind, const char *path,
	       size_t path_len, uint32_t *ret_number)
{
	struct ft_file file = { .inode = *inode, .kind = kind };
	uint32_t number = files->all.n;

	file.path = strndup(path, path_len);
	if (!file.path)
		return -ENOMEM;
	if (files->vacant.n > 0) {
		number = *(uint32_t *)ft_array_at(&files->vacant, files->vacant.n - 1);
		ft_array_cut(&files->vacant, files->vacant.n - 1);
		*ft_files_at(files, number) = file;
	} else if (number >= FT_FILES_MAX || ft_array_push(&files->all, &file, 1) < 0) {
		free(file.path);
		return -ENOMEM;
	}
	*ret_number = number;
	return 0;
}

int ft_files_new(const char *boot_id, struct ft_files **ret_files)
{
	static const struct {
		uint8_t kind;
		const char *path;
	} places[FT_FILES_FIRST] = {
		[FT_FILES_UNKNOWN] = { FT_FILE_UNKNOWN, "[unknown]" },
		[FT_FILES_KERNEL] = { FT_FILE_KERNEL, "[kernel.kallsyms]" },
		[FT_FILES_VDSO] = { FT_FILE_VDSO, "[vdso]" },
		[FT_FILES_ANON] = { FT_FILE_ANON, "[anon]" },
		[FT_FILES_OTHER] = { FT_FILE_UNKNOWN, "[other]" },
	};
	struct ft_files *files = calloc(1, sizeof(*files));
	int r = files ? 0 : -ENOMEM;
	uint32_t number;

	if (r < 0)
		return r;
	files->all = FT_ARRAY_INIT(struct ft_file);
	files->vacant = FT_ARRAY_INIT(uint32_t);
	files->boot_id = strdup(boot_id);
	if (!files->boot_id)
		r = -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < FT_FILES_FIRST; i++)
		r = add(files, &(struct ft_inode){ 0 }, places[i].kind, places[i].path,
			strlen(places[i].path), &number);
	if (r < 0) {
		ft_files_freep(&files);
		return r;
	}
	*ret_files = files;
	return 0;
}

static void clear(struct ft_file *file)
{
	free(file->path);
	free(file->build_id);
	free(file->segments);
	*file = (struct ft_file){ 0 };
}

void ft_files_freep(struct ft_files **p)
{
	struct ft_files *files = FT_TAKE(*p);

	if (!files)
		return;
	for (uint32_t i = 0; i < files->all.n; i++)
		clear(ft_files_at(files, i));
	ft_array_deinit(&files->all);
	ft_array_deinit(&files->vacant);
	ft_index_deinit(&files->index);
	free(files->boot_id);
	free(files);
}

struct ft_file *ft_files_at(struct ft_files *files, uint32_t number)
{
	return ft_array_at(&files->all, number);
}

uint32_t ft_files_count(const struct ft_files *files)
{
	return files->all.n;
}

uint64_t ft_files_refused(const struct ft_files *files)
{
	return files->n_refused;
}

static bool same_file(const void *context, const void *key, uint32_t id)
{
	const struct ft_files *files = context;
	const struct ft_file *file = ft_array_at(&files->all, id);
	const struct key *k = key;

	return file->inode.number == k->inode->number && file->inode.major == k->inode->major &&
	       file->inode.minor == k->inode->minor &&
	       file->inode.generation == k->inode->generation &&
	       strncmp(file->path, k->path, k->path_len) == 0 && file->path[k->path_len] == '\0';
}

static bool is(const char *path, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(path, name, len) == 0;
}

/* The kernel marks the name of a file that was unlinked; it is found by its inode
 * all the same, under the name it had. */
static size_t without_deleted(const char *path, size_t len)
{
	static const char mark[] = " (deleted)";
	size_t mark_len = sizeof(mark) - 1;

	if (len > mark_len && memcmp(path + len - mark_len, mark, mark_len) == 0)
		return len - mark_len;
	return len;
}

/* With the path: one inode may be mapped under any number of names. */
static uint64_t hash_of(const struct ft_inode *inode, const char *path, size_t path_len)
{
	return ft_hash_mix(ft_hash_mix(inode->number, inode->generation),
			   ft_hash_bytes(path, path_len));
}

uint32_t ft_files_used(const struct ft_files *files)
{
	return files->all.n - files->vacant.n;
}

void ft_files_vacate(struct ft_files *files, uint32_t number)
{
	struct ft_file *file = ft_files_at(files, number);

	assert(number >= FT_FILES_FIRST);
	if (!file->path || ft_array_push(&files->vacant, &number, 1) < 0)
		return; /* without memory to remember it, it stays */
	ft_index_remove(&files->index, hash_of(&file->inode, file->path, strlen(file->path)),
			number);
	clear(file);
}

uint32_t ft_files_number(struct ft_files *files, const struct ft_inode *inode, const char *path,
			 size_t path_len)
{
	struct key key = { inode, path, without_deleted(path, path_len) };
	uint64_t hash = hash_of(inode, path, key.path_len);
	uint32_t number;

	if (is(path, path_len, "[vdso]"))
		return FT_FILES_VDSO;
	if (inode->number == 0 || path_len == 0 || path[0] != '/')
		return FT_FILES_ANON;
	number = ft_index_find(&files->index, hash, same_file, files, &key);
	if (number != FT_INDEX_NONE)
		return number;
	if (add(files, inode, FT_FILE_ELF, path, key.path_len, &number) < 0) {
		files->n_refused++;
		return FT_FILES_OTHER;
	}
	if (ft_index_add(&files->index, hash, number) < 0)
		return FT_FILES_OTHER; /* an entry nobody finds: wasted, harmless */
	return number;
}

int ft_files_learn(struct ft_files *files, const struct ft_symfile_info *info)
{
	struct ft_file *file = ft_files_at(files, info->file);
	_cleanup_free_ struct ft_segment *segments = NULL;
	_cleanup_free_ char *build_id = NULL;

	segments = calloc(info->n_segments + 1, sizeof(*segments));
	build_id = calloc(1, info->n_build_id * 2u + 1);
	if (!segments || !build_id)
		return -ENOMEM;
	for (uint32_t i = 0; i < info->n_segments; i++)
		segments[i] = (struct ft_segment){ info->segments[i].offset, info->segments[i].size,
						   info->segments[i].vaddr };
	for (uint32_t i = 0; i < info->n_build_id; i++)
		snprintf(build_id + 2 * i, 3, "%02x", info->build_id[i]);
	free(file->segments);
	file->segments = FT_TAKE(segments);
	file->n_segments = (uint8_t)info->n_segments;
	free(file->build_id);
	file->build_id = FT_TAKE(build_id);
	return 0;
}

struct ft_dictionary_file ft_files_describe(const struct ft_files *files, uint32_t number)
{
	const struct ft_file *file = ft_array_at(&files->all, number);

	return (struct ft_dictionary_file){
		.kind = file->kind,
		.path = file->path,
		.build_id = file->build_id ? file->build_id : "",
		.identity = file->kind == FT_FILE_KERNEL ? files->boot_id : "",
		.segments = file->segments,
		.n_segments = file->n_segments,
	};
}
