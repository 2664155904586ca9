#include "agent/control.h"

#include "base/io.h"

int ft_control_send(int control, enum ft_control letter, int fd)
{
	char byte = (char)letter;

	return ft_send_message(control, &byte, 1, fd);
}

int ft_control_receive(int control, enum ft_control *ret_letter, int *ret_fd)
{
	char byte;
	int r = ft_receive_message(control, &byte, 1, ret_fd);

	if (r != 1)
		return r;
	*ret_letter = (enum ft_control)byte;
	return 1;
}
