/* cmd_symbolize.h - `flametrail symbolize`: names for addresses of a file, printed in the
 * layout of GNU addr2line. */
#pragma once

/* argv[0] is the name of the command. The exit code: 0, 1 for a failure, 2 for wrong
 * usage. */
int ft_cmd_symbolize(int argc, char **argv);
