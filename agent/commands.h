/* commands.h - the subcommands: each parses its own arguments (argv[0] is its name),
 * and returns the exit code: 0 success, 1 failure, 2 wrong usage. */
#pragma once

int ft_cmd_agent(int argc, char **argv);
int ft_cmd_doctor(int argc, char **argv);
int ft_cmd_inspect(int argc, char **argv);
int ft_cmd_record(int argc, char **argv);
int ft_cmd_symbolize(int argc, char **argv);
int ft_cmd_view(int argc, char **argv);
