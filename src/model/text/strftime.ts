/** Python's strftime in the C locale, as far as chat templates use it. */

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

const DAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;

const two = (value: number): string => String(value).padStart(2, "0");

const FIELDS: Record<string, (date: Date) => string> = {
  "%Y": (date) => String(date.getFullYear()),
  "%y": (date) => two(date.getFullYear() % 100),
  "%m": (date) => two(date.getMonth() + 1),
  "%B": (date) => MONTHS[date.getMonth()]!,
  "%b": (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  "%d": (date) => two(date.getDate()),
  "%A": (date) => DAYS[date.getDay()]!,
  "%a": (date) => DAYS[date.getDay()]!.slice(0, 3),
  "%H": (date) => two(date.getHours()),
  "%I": (date) => two(date.getHours() % 12 || 12),
  "%p": (date) => (date.getHours() < 12 ? "AM" : "PM"),
  "%M": (date) => two(date.getMinutes()),
  "%S": (date) => two(date.getSeconds()),
  "%%": () => "%",
};

/** The date in local time; unknown fields stay as they are. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%./g, (field) => FIELDS[field]?.(date) ?? field);
}
