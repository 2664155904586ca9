// units.js - numbers as people read them. Pure; times are microseconds since the epoch.

const SECOND_US = 1e6;

/** @param {number} value @param {number} low @param {number} high */
export function clampNumber(value, low, high) {
	return value < low ? low : value > high ? high : value;
}

/** Three significant digits without an exponent: 0.0123, 1.23, 12.3, 1,234.
 * @param {number} value */
export function formatNumber(value) {
	const size = Math.abs(value);
	if (size >= 100 || size === 0) return Math.round(value).toLocaleString("en-US");
	return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** A share of one as per cent: 4.8 %, 0.031 %.
 * @param {number} share */
export function formatShare(share) {
	if (!Number.isFinite(share)) return "– %";
	const percent = share * 100;
	if (percent === 0) return "0 %";
	if (percent < 0.001) return "<0.001 %";
	if (percent >= 99.95) return percent > 99.9999 ? "100 %" : ">99.9 %";
	return `${percent >= 10 ? percent.toFixed(1) : percent.toPrecision(2)} %`;
}

/** A length of time given in seconds: 1.20 s, 15.3 ms, 2 min 5 s.
 * @param {number} seconds */
export function formatSeconds(seconds) {
	const size = Math.abs(seconds);
	if (size === 0) return "0 s";
	if (size < 1e-3) return `${formatNumber(seconds * 1e6)} µs`;
	if (size < 1) return `${formatNumber(seconds * 1e3)} ms`;
	if (size < 120) return `${formatNumber(seconds)} s`;
	const whole = Math.round(seconds);
	if (size < 7200) return joinUnits(Math.floor(whole / 60), "min", whole % 60, "s");
	const minutes = Math.round(seconds / 60);
	if (size < 172800) return joinUnits(Math.floor(minutes / 60), "h", minutes % 60, "min");
	const hours = Math.round(seconds / 3600);
	return joinUnits(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** @param {number} big @param {string} bigUnit @param {number} small @param {string} smallUnit */
function joinUnits(big, bigUnit, small, smallUnit) {
	return small ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
	const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let size = bytes, at = 0;
	while (Math.abs(size) >= 1024 && at < names.length - 1) {
		size /= 1024;
		at++;
	}
	return `${formatNumber(size)} ${names[at]}`;
}

/** A weight in the unit of its metric.
 * @param {number} value @param {string} unit */
export function formatWeight(value, unit) {
	if (unit === "nanoseconds") return formatSeconds(value / 1e9);
	if (unit === "bytes") return formatBytes(value);
	return unit && unit !== "count" ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/** A weight per second: nanoseconds of CPU per second are cores.
 * @param {number} rate @param {string} unit */
export function formatRate(rate, unit) {
	if (unit !== "nanoseconds") return `${formatWeight(rate, unit)}/s`;
	const cores = rate / 1e9;
	return `${formatNumber(cores)} ${Math.abs(cores - 1) < 1e-9 ? "core" : "cores"}`;
}

/** @param {number} us */
export function formatClock(us) {
	const date = new Date(us / 1000);
	const part = (value) => String(value).padStart(2, "0");
	const fine = us % SECOND_US ? `.${String(Math.floor((us % SECOND_US) / 1e3)).padStart(3, "0")}` : "";
	return `${part(date.getHours())}:${part(date.getMinutes())}:${part(date.getSeconds())}${fine}`;
}

/** @param {number} us */
export function formatDay(us) {
	const date = new Date(us / 1000);
	const part = (value) => String(value).padStart(2, "0");
	return `${date.getFullYear()}-${part(date.getMonth() + 1)}-${part(date.getDate())}`;
}

/** "12:00:05 – 12:01:05 (1 min)", with the day when it is not today's.
 * @param {number} fromUs @param {number} toUs @param {number} nowUs */
export function formatSpan(fromUs, toUs, nowUs) {
	const from = Math.floor(fromUs / 1e3) * 1e3, to = Math.floor(toUs / 1e3) * 1e3;
	const day = formatDay(from);
	const first = day === formatDay(nowUs) ? "" : `${day} `;
	const last = day === formatDay(to) ? "" : `${formatDay(to)} `;
	return `${first}${formatClock(from)} – ${last}${formatClock(to)} (${formatSeconds((toUs - fromUs) / 1e6)})`;
}

/** Times for the ticks of an axis: round in local time, at most `count` of them.
 * @param {number} fromUs @param {number} toUs @param {number} count @returns {number[]} */
export function timeTicks(fromUs, toUs, count) {
	const steps = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
		7200, 14400, 21600, 43200, 86400, 172800, 604800, 2419200];
	const wanted = (toUs - fromUs) / 1e6 / Math.max(count, 1);
	const step = (steps.find((s) => s >= wanted) ?? steps[steps.length - 1]) * 1e6;
	const shift = new Date(fromUs / 1000).getTimezoneOffset() * 60 * 1e6;
	const ticks = [];
	for (let at = Math.ceil((fromUs - shift) / step) * step + shift; at <= toUs && ticks.length < 100; at += step)
		ticks.push(at);
	return ticks;
}
