/** Small SVG charts: lines and labelled points over two linear axes. Nothing that a library would be better at. */
export interface Axis {
  label: string;
  from: number;
  to: number;
  ticks: readonly number[];
  format?: (value: number) => string;
}

export interface Series {
  label: string;
  colour: string;
  /** [x, y], and what stands beside the point. */
  points: readonly [x: number, y: number, label?: string][];
  isLine?: boolean;
}

const [WIDTH, HEIGHT] = [720, 420];
const FRAME = { left: 64, right: 168, top: 40, bottom: 52 };

export function chart(
  title: string,
  x: Axis,
  y: Axis,
  series: readonly Series[],
): string {
  const right = WIDTH - FRAME.right;
  const bottom = HEIGHT - FRAME.bottom;
  const atX = (value: number) =>
    FRAME.left + ((value - x.from) / (x.to - x.from)) * (right - FRAME.left);
  const atY = (value: number) =>
    bottom - ((value - y.from) / (y.to - y.from)) * (bottom - FRAME.top);
  const print = (axis: Axis, value: number) =>
    escaped((axis.format ?? String)(value));

  const grid = [
    ...x.ticks.map(
      (tick) =>
        `<line x1="${at(atX(tick))}" y1="${FRAME.top}" x2="${at(atX(tick))}" y2="${bottom}" stroke="#ddd"/>` +
        `<text x="${at(atX(tick))}" y="${bottom + 18}" text-anchor="middle">${print(x, tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<line x1="${FRAME.left}" y1="${at(atY(tick))}" x2="${right}" y2="${at(atY(tick))}" stroke="#ddd"/>` +
        `<text x="${FRAME.left - 8}" y="${at(atY(tick) + 4)}" text-anchor="end">${print(y, tick)}</text>`,
    ),
  ];
  const drawn = series.map(({ label, colour, points, isLine }, i) => {
    const line = points.map(([px, py]) => `${at(atX(px))},${at(atY(py))}`);
    const top = FRAME.top + 8 + 20 * i;
    return [
      isLine === true
        ? `<polyline points="${line.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`
        : "",
      ...points.map(
        ([px, py, text = ""]) =>
          `<circle cx="${at(atX(px))}" cy="${at(atY(py))}" r="4" fill="${colour}"/>` +
          `<text x="${at(atX(px) + 7)}" y="${at(atY(py) - 6)}" font-size="11">${escaped(text)}</text>`,
      ),
      `<circle cx="${right + 16}" cy="${top}" r="4" fill="${colour}"/>`,
      `<text x="${right + 26}" y="${top + 4}">${escaped(label)}</text>`,
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${FRAME.left}" y="22" font-size="15" font-weight="600">${escaped(title)}</text>`,
    ...grid,
    `<text x="${(FRAME.left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(x.label)}</text>`,
    `<text transform="translate(16 ${(FRAME.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function at(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}
