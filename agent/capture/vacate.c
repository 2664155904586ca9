#include "agent/capture/vacate.h"

#include <stdbool.h>

static void mark(struct ft_processes *processes, bool *mapped, uint32_t n)
{
	for (size_t i = 0; i < ft_processes_count(processes); i++) {
		const struct ft_mappings *mappings = ft_processes_at(processes, i)->mappings;

		for (size_t k = 0; k < ft_mappings_count(mappings); k++) {
			uint32_t file = ft_mappings_at(mappings, k)->file;

			if (file < n)
				mapped[file] = true;
		}
	}
}

uint32_t ft_vacate_files(struct ft_files *files, struct ft_processes *processes,
			 struct ft_names *names, struct ft_unwinding *unwinding, uint64_t now_ns)
{
	uint32_t n = ft_files_count(files), vacated = 0;
	_cleanup_free_ bool *mapped = calloc(n, sizeof(*mapped));

	if (!mapped)
		return 0;
	mark(processes, mapped, n);
	for (uint32_t i = FT_FILES_FIRST; i < n; i++) {
		if (mapped[i] || !ft_files_at(files, i)->path || !ft_names_drop_file(names, i))
			continue;
		ft_unwinding_drop_file(unwinding, i, now_ns);
		ft_files_vacate(files, i);
		vacated++;
	}
	return vacated;
}
