#include "symbolizer/files.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "symbolizer/cfi.h"
#include "symbolizer/elf.h"
#include "symbolizer/kallsyms.h"
#include "symbolizer/symtab.h"
#include "symbolizer/window.h"

struct file {
	uint32_t number;
	enum ft_symfile_kind kind;
	enum ft_symfile_status status;
	int fd;
	uint64_t used;	  /* by the count of uses; larger is later */
	size_t bytes;	  /* of its table */
	int unwind_error; /* of the last try at an unwind table */
	struct ft_elf elf;
	struct ft_symtab *symtab;     /* of an ELF file; NULL: not made */
	struct ft_kallsyms *kallsyms; /* of the kernel */
};

struct ft_symfiles {
	uint32_t n;
	struct file *files[FT_SYM_MAX_FILES];
	size_t bytes;
	uint64_t uses;
	struct file *current;	 /* that begin was called for */
	struct ft_window window; /* on current, for its names */
};

static void drop_table(struct ft_symfiles *files, struct file *file)
{
	ft_symtab_freep(&file->symtab);
	ft_kallsyms_freep(&file->kallsyms);
	files->bytes -= file->bytes;
	file->bytes = 0;
}

static void end_current(struct ft_symfiles *files)
{
	ft_window_deinit(&files->window);
	files->current = NULL;
}

static void file_freep(struct file **p)
{
	struct file *file = *p;

	if (!file)
		return;
	ft_symtab_freep(&file->symtab);
	ft_kallsyms_freep(&file->kallsyms);
	ft_closep(&file->fd);
	free(file);
	*p = NULL;
}

int ft_symfiles_new(struct ft_symfiles **ret_files)
{
	struct ft_symfiles *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	*ret_files = files;
	return 0;
}

void ft_symfiles_freep(struct ft_symfiles **p)
{
	struct ft_symfiles *files = *p;

	if (!files)
		return;
	end_current(files);
	for (uint32_t i = 0; i < files->n; i++)
		file_freep(&files->files[i]);
	free(files);
	*p = NULL;
}

static uint32_t find(const struct ft_symfiles *files, uint32_t number)
{
	uint32_t i = 0;

	while (i < files->n && files->files[i]->number != number)
		i++;
	return i;
}

static struct file *oldest_table(const struct ft_symfiles *files, const struct file *except)
{
	struct file *oldest = NULL;

	for (uint32_t i = 0; i < files->n; i++) {
		struct file *file = files->files[i];

		if (file->bytes && file != except && (!oldest || file->used < oldest->used))
			oldest = file;
	}
	return oldest;
}

static void evict(struct ft_symfiles *files, const struct file *except)
{
	while (files->bytes > FT_SYMFILES_MAX_BYTES) {
		struct file *file = oldest_table(files, except);

		if (!file)
			return;
		drop_table(files, file);
	}
}

static void set_aside(struct file *file, int error)
{
	if (file->status == FT_SYMFILE_DAMAGED)
		return;
	file->status = FT_SYMFILE_DAMAGED;
	ft_log(FT_LOG_WARN, "file gives no names", ft_kv_int("file", file->number),
	       ft_kv_errno(error));
}

static int read_elf(struct file *file)
{
	_cleanup_window_ struct ft_window window = { 0 };
	int r = ft_window_init(&window, file->fd, FT_WINDOW_LARGE);

	if (r < 0)
		return r;
	r = ft_elf_read(&window, &file->elf);
	if (r == 0 && file->elf.symtab.size == 0 && file->elf.dynsym.size == 0)
		file->status = FT_SYMFILE_NO_SYMBOLS;
	return r;
}

/* The table of file, if it can be made. */
static int make_table(struct ft_symfiles *files, struct file *file)
{
	_cleanup_window_ struct ft_window window = { 0 };
	int r;

	if (file->kind == FT_SYMFILE_KALLSYMS) {
		r = ft_kallsyms_load(file->fd, &file->kallsyms);
		if (r < 0)
			return r;
		if (r == FT_KALLSYMS_HIDDEN)
			file->status = FT_SYMFILE_NO_SYMBOLS;
		else
			file->bytes = ft_kallsyms_bytes(file->kallsyms);
	} else {
		r = ft_window_init(&window, file->fd, FT_WINDOW_LARGE);
		if (r < 0)
			return r;
		r = ft_symtab_new(&window, &file->elf, &file->symtab);
		if (r < 0)
			return r;
		file->bytes = ft_symtab_bytes(file->symtab);
	}
	files->bytes += file->bytes;
	evict(files, file);
	return 0;
}

static bool wants_table(const struct file *file)
{
	if (file->status == FT_SYMFILE_DAMAGED || file->bytes)
		return false;
	/* A program without symbols still has an entry point. */
	return file->kind == FT_SYMFILE_ELF || file->status == FT_SYMFILE_READY;
}

static void look_at(struct ft_symfiles *files, struct file *file)
{
	int r = -EBADF;

	if (file->fd >= 0)
		r = file->kind == FT_SYMFILE_ELF ? read_elf(file) : make_table(files, file);
	if (r < 0)
		set_aside(file, r);
}

static void describe(const struct file *file, struct ft_symfile_info *info)
{
	const struct ft_elf *elf = &file->elf;

	*info = (struct ft_symfile_info){ .file = file->number, .status = (uint8_t)file->status };
	info->n_build_id = elf->n_build_id;
	memcpy(info->build_id, elf->build_id, elf->n_build_id);
	info->n_segments = elf->n_segments;
	memcpy(info->segments, elf->segments, elf->n_segments * sizeof(elf->segments[0]));
}

int ft_symfiles_add(struct ft_symfiles *files, uint32_t number, enum ft_symfile_kind kind, int fd,
		    struct ft_symfile_info *ret_info)
{
	_cleanup_close_ int taken = fd;
	struct file *file;

	if (find(files, number) < files->n)
		return -EEXIST;
	if (files->n == FT_SYM_MAX_FILES)
		return -EMFILE;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->number = number;
	file->kind = kind;
	file->fd = FT_TAKE_FD(taken);
	file->used = ++files->uses;
	files->files[files->n++] = file;
	look_at(files, file);
	describe(file, ret_info);
	return 0;
}

int ft_symfiles_remove(struct ft_symfiles *files, uint32_t number)
{
	uint32_t i = find(files, number);

	if (i == files->n)
		return -ENOENT;
	if (files->files[i] == files->current)
		end_current(files);
	drop_table(files, files->files[i]);
	file_freep(&files->files[i]);
	files->files[i] = files->files[--files->n];
	return 0;
}

int ft_symfiles_begin(struct ft_symfiles *files, uint32_t number)
{
	uint32_t i = find(files, number);
	struct file *file;
	int r = 0;

	end_current(files);
	if (i == files->n)
		return -ENOENT;
	file = files->files[i];
	file->used = ++files->uses;
	if (wants_table(file))
		r = make_table(files, file);
	if (r == 0 && file->symtab)
		r = ft_window_init(&files->window, file->fd, FT_WINDOW_SMALL);
	if (r < 0)
		set_aside(file, r);
	files->current = file;
	return 0;
}

static int name_in_elf(struct ft_symfiles *files, uint64_t offset, struct ft_symfiles_name *name)
{
	struct file *file = files->current;
	uint64_t address;

	if (!ft_elf_address_of(&file->elf, offset, &address))
		return 0;
	return ft_symtab_name(file->symtab, &files->window, address, name->text,
			      sizeof(name->text));
}

static void name_in_kernel(const struct ft_kallsyms *kallsyms, uint64_t address,
			   struct ft_symfiles_name *name)
{
	struct ft_kallsym sym;

	if (!ft_kallsyms_find(kallsyms, address, &sym))
		return;
	snprintf(name->text, sizeof(name->text), "%s", sym.name);
	snprintf(name->module, sizeof(name->module), "%s", sym.module);
}

void ft_symfiles_name(struct ft_symfiles *files, uint64_t address,
		      struct ft_symfiles_name *ret_name)
{
	struct file *file = files->current;
	int r;

	assert(file);
	ret_name->text[0] = '\0';
	ret_name->module[0] = '\0';
	if (file->status == FT_SYMFILE_DAMAGED)
		return;
	if (file->kallsyms)
		name_in_kernel(file->kallsyms, address, ret_name);
	if (!file->symtab)
		return;
	r = name_in_elf(files, address, ret_name);
	if (r >= 0)
		return;
	ret_name->text[0] = '\0';
	set_aside(file, r);
}

/* A file is the same at each reading, unless it is written to; memory may be there later. */
static bool is_final(int error)
{
	return error == -EBADMSG || error == -E2BIG || error == -EOPNOTSUPP;
}

static int build(struct file *file, struct ft_cfi_table **ret_table)
{
	int r = -EINVAL;

	if (is_final(file->unwind_error))
		return file->unwind_error;
	if (file->kind == FT_SYMFILE_ELF && file->fd >= 0)
		r = ft_cfi_build(file->fd, ret_table);
	if (r < 0 && r != file->unwind_error)
		ft_log(FT_LOG_WARN, "file gives no unwind table", ft_kv_int("file", file->number),
		       ft_kv_errno(r));
	file->unwind_error = FT_MIN(r, 0);
	return r;
}

int ft_symfiles_build(struct ft_symfiles *files, uint32_t number,
		      enum ft_symtable_status *ret_status, struct ft_cfi_table **ret_table)
{
	_cleanup_cfi_table_ struct ft_cfi_table *table = NULL;
	uint32_t i = find(files, number);
	int r;

	if (i == files->n)
		return -ENOENT;
	r = build(files->files[i], &table);
	if (r < 0)
		*ret_status = FT_SYMTABLE_FAILED;
	else if (r == 0 && table->n_rows > 0)
		*ret_status = FT_SYMTABLE_READY;
	else if (r == 0 && table->facts.keeps_frame_pointers)
		*ret_status = FT_SYMTABLE_FRAME_POINTERS;
	else
		*ret_status = FT_SYMTABLE_NONE;
	*ret_table = FT_TAKE(table);
	return 0;
}

void ft_symfiles_idle(struct ft_symfiles *files)
{
	end_current(files);
	evict(files, NULL);
}

size_t ft_symfiles_bytes(const struct ft_symfiles *files)
{
	return files->bytes;
}
