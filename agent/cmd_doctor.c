#include "agent/commands.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/capture/hostcheck.h"
#include "base/buffer.h"
#include "base/io.h"
#include "base/log.h"

#define OUTPUT_MAX (256u << 10)

static const char usage[] =
	"usage: flametrail doctor [--json]\n"
	"\n"
	"Say what works on this host, what does not, what follows from that and what to do.\n"
	"Each thing is tried for real; nothing stays loaded. Runs without root, and then says\n"
	"what root would add.\n"
	"\n"
	"  --json   an array of objects instead of a table\n"
	"  --help   this text\n"
	"\n"
	"Exit status: 0 when CPU profiling works for this user, 1 when not, 2 wrong usage.\n";

struct row {
	const struct ft_hostcheck *check;
	struct ft_finding finding;
};

/* The table with its findings. */
struct report {
	struct row *rows;
	size_t n;
};

static const char *remedy_of(const struct row *row)
{
	if (row->finding.forbidden || !row->check->remedy)
		return ft_hostcheck_privileges;
	return row->check->remedy;
}

static bool is_fault(const struct row *row)
{
	return row->finding.verdict == FT_VERDICT_NO || row->finding.verdict == FT_VERDICT_DEGRADED;
}

static bool is_missing(const struct row *row)
{
	return row->check->needed && row->finding.verdict == FT_VERDICT_NO;
}

static int run_checks(struct report *report)
{
	const struct ft_hostcheck *table = ft_hostcheck_table(&report->n);

	report->rows = calloc(report->n, sizeof(*report->rows));
	if (!report->rows)
		return -ENOMEM;
	for (size_t i = 0; i < report->n; i++) {
		report->rows[i].check = &table[i];
		table[i].probe(&table[i], &report->rows[i].finding);
	}
	return 0;
}

static void put_field(struct ft_buffer *out, const char *key, const char *text)
{
	ft_buffer_printf(out, "\"%s\":\"", key);
	ft_buffer_put_json(out, text, strlen(text));
	ft_buffer_put_text(out, "\"");
}

static void put_json(struct ft_buffer *out, const struct report *report)
{
	ft_buffer_put_text(out, "[");
	for (size_t i = 0; i < report->n; i++) {
		const struct row *row = &report->rows[i];

		ft_buffer_put_text(out, i ? ",\n{" : "\n{");
		put_field(out, "group", row->check->group);
		ft_buffer_put_text(out, ",");
		put_field(out, "name", row->check->name);
		ft_buffer_put_text(out, ",");
		put_field(out, "result", ft_verdict_name(row->finding.verdict));
		ft_buffer_put_text(out, ",");
		put_field(out, "detail", row->finding.detail);
		ft_buffer_printf(out, ",\"needed\":%s", row->check->needed ? "true" : "false");
		if (is_fault(row)) {
			ft_buffer_put_text(out, ",");
			put_field(out, "consequence", row->check->consequence);
			ft_buffer_put_text(out, ",");
			put_field(out, "remedy", remedy_of(row));
		}
		ft_buffer_put_text(out, "}");
	}
	ft_buffer_put_text(out, "\n]\n");
}

static void put_row(struct ft_buffer *out, const struct row *row)
{
	/* No blanks at the end of a line that has no detail. */
	ft_buffer_printf(out, "  %-10s%-*s%s\n", ft_verdict_name(row->finding.verdict),
			 *row->finding.detail ? 36 : 0, row->check->name, row->finding.detail);
	if (!is_fault(row))
		return;
	ft_buffer_printf(out, "            so: %s\n", row->check->consequence);
	/* The one remedy that many rows share stands once, at the end. */
	if (remedy_of(row) != ft_hostcheck_privileges)
		ft_buffer_printf(out, "            do: %s\n", remedy_of(row));
}

/* One line of all names that which() picks; none, no line. Their number. */
static size_t put_names(struct ft_buffer *out, const struct report *report, const char *title,
			bool (*which)(const struct row *row))
{
	size_t n = 0;

	for (size_t i = 0; i < report->n; i++) {
		const struct row *row = &report->rows[i];

		if (!which(row))
			continue;
		ft_buffer_printf(out, "%s%s %s", n ? ", " : title, row->check->group,
				 row->check->name);
		n++;
	}
	if (n)
		ft_buffer_put_text(out, "\n");
	return n;
}

static bool wants_privileges(const struct row *row)
{
	return is_fault(row) && remedy_of(row) == ft_hostcheck_privileges;
}

static void put_table(struct ft_buffer *out, const struct report *report)
{
	const char *group = "";

	for (size_t i = 0; i < report->n; i++) {
		const struct row *row = &report->rows[i];

		if (strcmp(group, row->check->group) != 0)
			ft_buffer_printf(out, "%s%s\n", *group ? "\n" : "", row->check->group);
		group = row->check->group;
		put_row(out, row);
	}
	ft_buffer_put_text(out, "\n");
	if (put_names(out, report, "Privileges would add: ", wants_privileges))
		ft_buffer_printf(out, "  do: %s\n\n", ft_hostcheck_privileges);
	if (!put_names(out, report,
		       "CPU profiling does not work for this user. Missing: ", is_missing))
		ft_buffer_put_text(out, "CPU profiling works.\n");
}

static int doctor(bool json)
{
	_cleanup_buffer_ struct ft_buffer out = FT_BUFFER_INIT(OUTPUT_MAX);
	struct report report = { 0 };
	int r, status = EXIT_SUCCESS;

	libbpf_set_print(NULL); /* failures are findings */
	r = run_checks(&report);
	if (r == 0) {
		if (json)
			put_json(&out, &report);
		else
			put_table(&out, &report);
		r = out.error ? out.error : ft_write_all(STDOUT_FILENO, out.data, out.len);
	}
	for (size_t i = 0; i < report.n && report.rows; i++)
		if (is_missing(&report.rows[i]))
			status = EXIT_FAILURE;
	free(report.rows);
	if (r < 0) {
		ft_complain("cannot write the report: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return status;
}

int ft_cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool json = false;
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			return fputs(usage, stdout) < 0 || fflush(stdout) ? EXIT_FAILURE
									  : EXIT_SUCCESS;
		default:
			ft_complain("doctor: unknown option %s; see flametrail doctor --help",
				    argv[optind - 1]);
			return 2;
		}
	}
	if (optind < argc) {
		ft_complain("doctor: unexpected argument %s; see flametrail doctor --help",
			    argv[optind]);
		return 2;
	}
	return doctor(json);
}
