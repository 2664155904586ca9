/* cmd_doctor.h - `flametrail doctor`: what works on this host, what does not, and what to
 * do about it. */
#pragma once

/* argv[0] is "doctor". The exit status: 0 when CPU profiling works for this user, 1 when
 * it does not, 2 for wrong usage. */
int ft_cmd_doctor(int argc, char **argv);
