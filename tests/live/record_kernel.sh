# A program that lives in system calls shows kernel frames, named, above the user function
# that made the calls.
. "$(dirname "$0")/lib.sh"
need_record

start syscalls "$truth/syscalls" 60
syscalls=$pid
wait_for "$tmp/syscalls.out" '^pid'
run_within 20 0 "$flametrail" record -q -p "$syscalls" -F 499 -d 4 -o "$tmp/kernel.pb.gz"
kill "$syscalls"
wait_for "$tmp/syscalls.out" '^total_ns'

total=$(rows "$tmp/kernel.pb.gz" sum 0)
assert "enough samples to judge" "$total > 100"
case $(uname -m) in
x86_64) entry=do_syscall_64 ;;
aarch64) entry=el0_svc ;;
*) skip "the kernel's entry function of $(uname -m) is not known here" ;;
esac
inside=$(rows "$tmp/kernel.pb.gz" sum 0 frame=$entry)
system_ns=$(value_of "$tmp/syscalls.out" system_ns)
total_ns=$(value_of "$tmp/syscalls.out" total_ns)
# The kernel's own split into user and system time may be a guess by ticks: a wide margin.
assert "$inside of $total samples in the kernel" "$inside / $total > $system_ns / $total_ns - 0.25"
# One sample shows both sides. The walk by frame pointers ends in libc, which keeps none,
# so the program's own function is seen only where it calls without libc's help.
both=$(rows "$tmp/kernel.pb.gz" sum 0 frame=$entry mapping='[kernel.kallsyms]')
assert "kernel frames belong to the kernel" "$both > 0.5 * $inside"
unnamed=$(rows "$tmp/kernel.pb.gz" functions | grep -c '^\[kernel.kallsyms\]+0x' || true)
[ "$unnamed" = 0 ] || fail "$unnamed kernel frames without a name"
