/* ft_stacks.h - profiles written down as text, so that a test can be read.
 *
 * One row per line, root first: "comm;frame;...;leaf VALUE [VALUE]". An empty comm
 * means no label. A frame is CHAIN[~ADDRESS][@MODULE]:
 *	main@app		function main in /bin/app (also without @MODULE)
 *	main>helper@app		helper inlined into main
 *	main!a.c:42@app		the same with a source line
 *	?1f@app			address 0x1f, which has no name
 *	main~20@app		main at address 0x20 (else one made from the text)
 *	read@[kernel.kallsyms]	modules in brackets are kernel, "[anon]" JIT code */
#pragma once

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/profile/profile.h"

static inline uint32_t ft_stacks_string(struct ft_profile *profile, const char *text)
{
	uint32_t id;

	ck_assert_int_eq(ft_profile_string(profile, text, strlen(text), &id), 0);
	return id;
}

static inline uint32_t ft_stacks_mapping(struct ft_profile *profile, const char *module)
{
	struct ft_profile_mapping mapping = { .kind = FT_FILE_ELF, .start = 0x1000 };
	char path[512];
	uint32_t id;

	snprintf(path, sizeof(path), "%s%s", *module == '[' ? "" : "/bin/", module);
	if (strcmp(module, "[anon]") == 0)
		mapping.kind = FT_FILE_ANON;
	else if (*module == '[')
		mapping.kind = FT_FILE_KERNEL;
	mapping.path = ft_stacks_string(profile, path);
	mapping.build_id = *module == '[' ? 0 : ft_stacks_string(profile, "b01d");
	ck_assert_int_eq(ft_profile_mapping(profile, &mapping, &id), 0);
	return id;
}

/* "name", "name!file:line" into a line of a location. */
static inline void ft_stacks_line(struct ft_profile *profile, char *text,
				  struct ft_profile_line *line)
{
	struct ft_profile_function function = { 0 };
	char *file = strchr(text, '!');

	if (file) {
		char *number = strrchr(file, ':');

		*file++ = '\0';
		*number++ = '\0';
		line->line = atoi(number);
		function.file = ft_stacks_string(profile, file);
	}
	function.name = ft_stacks_string(profile, text);
	ck_assert_int_eq(ft_profile_function(profile, &function, &line->function), 0);
}

static inline uint32_t ft_stacks_location(struct ft_profile *profile, char *frame)
{
	struct ft_profile_line outward[16], lines[16];
	struct ft_profile_location location = { .lines = lines };
	char *module = strrchr(frame, '@'), *address, *save = NULL;
	uint32_t n = 0, id;

	location.address = 0x1000 + ft_stacks_string(profile, frame) * 16;
	if (module)
		*module++ = '\0';
	location.mapping = ft_stacks_mapping(profile, module ? module : "app");
	address = strchr(frame, '~');
	if (address) {
		*address++ = '\0';
		location.address = strtoull(address, NULL, 16);
	}
	if (*frame == '?') {
		location.address = strtoull(frame + 1, NULL, 16);
		ck_assert_int_eq(ft_profile_location(profile, &location, &id), 0);
		return id;
	}
	for (char *at = strtok_r(frame, ">", &save); at && n < 16;
	     at = strtok_r(NULL, ">", &save)) {
		outward[n] = (struct ft_profile_line){ .flags = n ? FT_LINE_INLINED : 0 };
		ft_stacks_line(profile, at, &outward[n++]);
	}
	for (uint32_t i = 0; i < n; i++)
		lines[i] = outward[n - 1 - i];
	location.n_lines = n;
	ck_assert_int_eq(ft_profile_location(profile, &location, &id), 0);
	return id;
}

static inline uint32_t ft_stacks_comm(struct ft_profile *profile, const char *comm)
{
	struct ft_label labels[2] = {
		{ .key = ft_stacks_string(profile, "pid"), .number = 42 },
		{ .key = ft_stacks_string(profile, "comm") },
	};
	uint32_t id;

	if (!*comm)
		return 0;
	labels[1].text = ft_stacks_string(profile, comm);
	ck_assert_int_eq(ft_profile_labels(profile, labels, 2, &id), 0);
	return id;
}

/* Add one row; frames are taken apart in place, so the text is copied. */
static inline void ft_stacks_row(struct ft_profile *profile, const char *text)
{
	char *copy = strdup(text), *values = copy + strlen(copy), *at = copy;
	uint32_t n = 0, n_max = 1, labels, stack, *root_first, *leaf_first;
	int64_t sums[2];

	while (values > copy && strchr("-0123456789 ", values[-1]))
		values--;
	values = strchr(values, ' ');
	*values++ = '\0';
	sums[0] = strtoll(values, &values, 10);
	if (*values)
		sums[1] = strtoll(values, NULL, 10);
	else if (__builtin_mul_overflow(sums[0], 1000, &sums[1]))
		sums[1] = 0;
	for (const char *c = copy; *c; c++)
		n_max += *c == ';';
	root_first = calloc(n_max, sizeof(*root_first));
	leaf_first = calloc(n_max, sizeof(*leaf_first));
	labels = ft_stacks_comm(profile, strsep(&at, ";"));
	while (at)
		root_first[n++] = ft_stacks_location(profile, strsep(&at, ";"));
	for (uint32_t i = 0; i < n; i++)
		leaf_first[i] = root_first[n - 1 - i];
	ck_assert_int_eq(ft_profile_stack(profile, leaf_first, n, &stack), 0);
	ck_assert_int_eq(ft_profile_add(profile, stack, labels, sums), 0);
	free(root_first);
	free(leaf_first);
	free(copy);
}

/* A profile without rows: samples/count and cpu/nanoseconds. */
static inline struct ft_profile *ft_stacks_empty(void)
{
	struct ft_profile *profile = NULL;
	struct ft_profile_info *info;

	ck_assert_int_eq(ft_profile_new(&profile), 0);
	info = ft_profile_info(profile);
	info->n_types = 2;
	info->types[0].type = ft_stacks_string(profile, "samples");
	info->types[0].unit = ft_stacks_string(profile, "count");
	info->types[1].type = ft_stacks_string(profile, "cpu");
	info->types[1].unit = ft_stacks_string(profile, "nanoseconds");
	info->period_type = info->types[1];
	info->period = 1000;
	info->default_type = 1;
	info->time_ns = 1700000000000000000;
	info->duration_ns = 10000000000;
	return profile;
}

/* The caller owns the profile. */
static inline struct ft_profile *ft_stacks_profile(const char *const *rows, size_t n)
{
	struct ft_profile *profile = ft_stacks_empty();

	for (size_t i = 0; i < n; i++)
		ft_stacks_row(profile, rows[i]);
	return profile;
}
