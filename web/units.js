// units.js - numbers as people read them. Pure; times are microseconds since the epoch.

export function clampNumber(value, low, high) {
	return Math.min(Math.max(value, low), high);
}

/** Three significant digits without an exponent: 0.0123, 1.23, 12.3, 1,234. */
export function formatNumber(value) {
	const digits = Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
	return value.toLocaleString("en-US", digits);
}

export function formatCount(count, noun) {
	return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export function formatShare(share) {
	const percent = share * 100;
	if (percent === 0) return "0 %";
	if (percent < 0.001) return "<0.001 %";
	if (percent >= 99.95) return percent > 99.9999 ? "100 %" : ">99.9 %";
	return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}

export function formatSeconds(seconds) {
	if (seconds === 0) return "0 s";
	if (seconds < 1e-3) return `${formatNumber(seconds * 1e6)} µs`;
	if (seconds < 1) return `${formatNumber(seconds * 1e3)} ms`;
	if (seconds < 120) return `${formatNumber(seconds)} s`;
	const [unit, big, part, small] = seconds < 7200 ? [60, "min", 1, "s"] :
		seconds < 172800 ? [3600, "h", 60, "min"] : [86400, "d", 3600, "h"];
	const parts = Math.round(seconds / part), rest = parts % (unit / part);
	return `${(parts - rest) * part / unit} ${big}${rest ? ` ${rest} ${small}` : ""}`;
}

function formatBytes(bytes) {
	const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), 5);
	return `${formatNumber(bytes / 1024 ** step)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][step]}`;
}

export function formatWeight(value, unit) {
	if (unit === "nanoseconds") return formatSeconds(value / 1e9);
	if (unit === "bytes") return formatBytes(value);
	return unit && unit !== "count" ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/** A weight per second: nanoseconds of CPU per second are cores. */
export function formatRate(rate, unit) {
	return unit === "nanoseconds" ? formatCount(rate / 1e9, "core") : `${formatWeight(rate, unit)}/s`;
}

/** Local time as a datetime-local field has it: 2026-11-22T09:30:00.250. */
export function localTime(us) {
	const ms = Math.floor(us / 1000);
	return new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 23);
}

export function formatClock(us) {
	return localTime(us).slice(11).replace(".000", "");
}

/** "12:00:05 – 12:01:05 (60 s)", with the day when it is not that of `now`. */
export function formatSpan(from, to, now) {
	const day = (us) => localTime(us).slice(0, 10);
	const first = day(from) === day(now) ? "" : `${day(from)} `, last = day(from) === day(to) ? "" : `${day(to)} `;
	return `${first}${formatClock(from)} – ${last}${formatClock(to)} (${formatSeconds((to - from) / 1e6)})`;
}

/** Times for the ticks of an axis: round in local time, about `count` of them at most. */
export function timeTicks(from, to, count) {
	const steps = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
		7200, 14400, 21600, 43200, 86400, 172800, 604800, 2419200];
	const wanted = (to - from) / 1e6 / Math.max(count, 1);
	const step = (steps.find((seconds) => seconds >= wanted) ?? steps.at(-1)) * 1e6;
	const shift = new Date(from / 1000).getTimezoneOffset() * 60e6;
	const ticks = [];
	for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to && ticks.length < 100; at += step)
		ticks.push(at);
	return ticks;
}
