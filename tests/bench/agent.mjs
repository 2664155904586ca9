// agent.mjs - what the agent costs: `make bench` runs it as root and prints tables.
//	node tests/bench/agent.mjs [SECONDS]		default 60
// First an idle host, then every CPU busy. CPU time is the scheduler's (schedstat), time
// in BPF the kernel's own run statistics, memory is Pss of each process plus what the
// kernel counts for BPF maps.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const OUT = process.env.OUT || 'build';
const SECONDS = Number(process.argv[2] || 60);
const HZ = 99;
const STATS = '/proc/sys/kernel/bpf_stats_enabled';

function bpftool(...args) {
	const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
	return JSON.parse(execFileSync('bpftool', ['-j', ...args], { env, encoding: 'utf8' }));
}

/** @returns {Map<number, string>} the agent's processes: pid to role */
function family(root) {
	const roles = new Map([[root, 'supervisor']]);
	for (const entry of readdirSync('/proc')) {
		if (!/^\d+$/.test(entry)) continue;
		try {
			const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
			const comm = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
			const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
			if (parent === root) roles.set(Number(entry), comm.replace(/^ft-/, ''));
		} catch {
			// it ended while we looked
		}
	}
	return roles;
}

function readProcess(pid) {
	const schedstat = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	return {
		cpuNs: Number(schedstat[0]),
		wakeups: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]),
		rssKb: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]),
		pssKb: Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]),
	};
}

/** Ids of what these processes hold open: what = 'prog_id' or 'map_id'. */
function heldIds(roles, what) {
	const ids = new Set();
	for (const pid of roles.keys())
		for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
			const found = new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(readFdinfo(pid, fd));
			if (found) ids.add(Number(found[1]));
		}
	return ids;
}

function readFdinfo(pid, fd) {
	try {
		return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
	} catch {
		return ''; // closed while we looked
	}
}

function readBpf(roles) {
	const programIds = heldIds(roles, 'prog_id'), mapIds = heldIds(roles, 'map_id');
	const programs = bpftool('prog', 'show').filter((p) => programIds.has(p.id));
	const maps = bpftool('map', 'show').filter((m) => mapIds.has(m.id));
	const tick = programs.find((p) => p.name === 'on_cpu_tick') || {};
	return {
		runs: tick.run_cnt || 0,
		runNs: tick.run_time_ns || 0,
		mapBytes: maps.reduce((sum, m) => sum + (m.bytes_memlock || 0), 0),
	};
}

function snapshot(root) {
	const roles = family(root);
	const processes = new Map();
	for (const [pid, role] of roles) processes.set(role, readProcess(pid));
	return { at: process.hrtime.bigint(), processes, bpf: readBpf(roles) };
}

async function metrics(address) {
	const text = await (await fetch(`${address}metrics`)).text();
	const rows = [...text.matchAll(/^(flametrail_\w+)(\{[^}]*\})? ([0-9.e+]+)$/gm)];
	return new Map(rows.map((m) => [m[1] + (m[2] || ''), Number(m[3])]));
}

function startAgent(store) {
	const child = spawn(`${OUT}/flametrail`,
		['agent', '--listen', '127.0.0.1:0', '--store', store, '--frequency', String(HZ)],
		{ stdio: ['ignore', 'pipe', 'inherit'] });
	return new Promise((resolve, reject) => {
		child.stdout.on('data', (bytes) => {
			const address = /viewer: (http\S+)/.exec(String(bytes));
			if (address) resolve({ child, address: address[1] });
		});
		child.on('exit', () => reject(new Error('the agent ended')));
	});
}

const row = (...cells) => console.log(cells.map((c, i) => String(c)[i ? 'padStart' : 'padEnd'](i ? 12 : 16)).join(''));

function printPhase(title, before, after) {
	const seconds = Number(after.at - before.at) / 1e9;
	const hostNs = seconds * 1e9 * cpus().length;
	let cpu = 0, wakeups = 0, rss = 0, pss = 0;
	console.log(`\n${title} (${seconds.toFixed(1)} s)`);
	row('process', 'CPU ms/s', '% of host', 'wakeups/s', 'RSS KiB', 'Pss KiB');
	for (const [role, p] of after.processes) {
		const old = before.processes.get(role) || p;
		const ns = p.cpuNs - old.cpuNs, w = (p.wakeups - old.wakeups) / seconds;
		row(role, (ns / seconds / 1e6).toFixed(2), (100 * ns / hostNs).toFixed(3), w.toFixed(1), p.rssKb, p.pssKb);
		cpu += ns, wakeups += w, rss += p.rssKb, pss += p.pssKb;
	}
	const runNs = after.bpf.runNs - before.bpf.runNs, runs = after.bpf.runs - before.bpf.runs;
	row('BPF programs', (runNs / seconds / 1e6).toFixed(2), (100 * runNs / hostNs).toFixed(3), '', '', '');
	row('BPF maps', '', '', '', '', (after.bpf.mapBytes / 1024).toFixed(0));
	row('together', ((cpu + runNs) / seconds / 1e6).toFixed(2), (100 * (cpu + runNs) / hostNs).toFixed(3),
		wakeups.toFixed(1), rss, (pss + after.bpf.mapBytes / 1024).toFixed(0));
	console.log(`ticks ${(runs / seconds).toFixed(1)}/s, ${runs ? (runNs / runs).toFixed(0) : '-'} ns each in the kernel`);
}

function printCounts(before, after, seconds) {
	console.log('\nsamples and losses of the busy phase');
	for (const [name, value] of after) {
		const grown = value - (before.get(name) || 0);
		if (/samples_total|lost/.test(name)) row(name.replace('flametrail_', '').padEnd(52), grown, `${(grown / seconds).toFixed(1)}/s`);
	}
}

const describe = () => console.log(`machine: ${cpus().length} x ${cpus()[0].model.trim()}, ` +
	`${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`);

async function run() {
	const store = mkdtempSync(join(tmpdir(), 'ft-bench-'));
	const statsBefore = readFileSync(STATS, 'utf8');
	const burners = [];
	let agent;
	try {
		execFileSync('sh', ['-c', `echo 1 > ${STATS}`]);
		describe();
		agent = await startAgent(store);
		await sleep(12000); // past the first window and the reading of /proc
		const idle = [snapshot(agent.child.pid)];
		await sleep(SECONDS * 1000 / 2);
		idle.push(snapshot(agent.child.pid));
		printPhase('idle host', idle[0], idle[1]);
		for (const _ of cpus()) burners.push(spawn(`${OUT}/truth/shares`, [String(SECONDS + 6)], { stdio: 'ignore' }));
		await sleep(3000);
		const counts = [await metrics(agent.address)];
		const busy = [snapshot(agent.child.pid)];
		await sleep(SECONDS * 1000);
		busy.push(snapshot(agent.child.pid));
		counts.push(await metrics(agent.address));
		printPhase('every CPU busy', busy[0], busy[1]);
		printCounts(counts[0], counts[1], SECONDS);
	} finally {
		for (const burner of burners) burner.kill();
		agent?.child.removeAllListeners('exit');
		agent?.child.kill('SIGTERM');
		if (agent) await new Promise((resolve) => agent.child.once('exit', resolve));
		execFileSync('sh', ['-c', `echo ${statsBefore.trim()} > ${STATS}`]);
		rmSync(store, { recursive: true, force: true });
	}
}

await run();
