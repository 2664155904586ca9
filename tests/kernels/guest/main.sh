# main.sh - every check on this kernel, one line each on standard output.
. /lib.sh
. /checks.sh
main_pid=$$
set +e

bpf_objects >/run/bpf
echo 'none' >>/run/bpf # grep -f wants a line

# Only these, when the kernel's command line names them.
only=$(sed -n 's/.*\bchecks=\([a-z_,]*\).*/\1/p' /proc/cmdline)

# check NAME: run check_NAME; what it leaves running or loaded fails it.
check() {
	case ,$only, in ,, | *",$1,"*) ;; *) return ;; esac
	mkdir -p "/log/$1"
	begin=$(date +%s)
	(cd "/log/$1" && set -e && "check_$1") >"/log/$1/log" 2>&1
	status=$?
	for pid in $(pidof shares syscalls threads forker); do kill -9 "$pid"; done
	left=$(settle pidof flametrail ft-symbolizer ft-collector ft-server)
	[ -z "$left" ] || {
		echo "FAIL: left running: $left" >>"/log/$1/log"
		kill -9 $left # one argument per pid
		status=1
	}
	left=$(settle new_bpf_objects | tr '\n' ' ')
	[ -z "$left" ] || {
		echo "FAIL: left loaded: $left" >>"/log/$1/log"
		status=1
	}
	took="$(($(date +%s) - begin)) s"
	case $status in
	0) echo "ok    $1 ($took$(sed -n 's/^NOTE: /, /p' "/log/$1/log"))" ;;
	$SKIPPED) echo "SKIP  $1: $(sed -n 's/^SKIP: //p' "/log/$1/log" | tail -n 1)" ;;
	*)
		grep -q '^FAIL: ' "/log/$1/log" || echo "FAIL: status $status: $(tail -n 1 "/log/$1/log")" >>"/log/$1/log"
		echo "FAIL  $1: $(sed -n 's/^FAIL: //p' "/log/$1/log" | head -n 1)"
		;;
	esac
}

check doctor
check verifier
check shares
check kernel_frames
check kernel_names_hidden
check children
check brief
check cpu_hotplug
check pid_namespace
check capabilities
check no_capabilities
check agent
check agent_cpu_hotplug
