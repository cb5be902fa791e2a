import type { Measure } from "./types.js";

/** What stands where there is no number. */
export const DASH = "–";

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function isMeasured(value: Measure | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function whenFinite(value: Measure | undefined, print: (value: number) => string): string {
  return isMeasured(value) ? print(value).replace(/^-/, "−") : DASH;
}

/** `0.7125` reads `71.25%`. */
export function percent(share: Measure | undefined, digits = 2): string {
  return whenFinite(share, (value) => `${(value * 100).toFixed(digits)}%`);
}

/** `0.5` reads `50%`, `0.625` reads `62.5%`. */
export function shortPercent(share: Measure | undefined): string {
  return whenFinite(share, (value) => `${Number((value * 100).toFixed(2))}%`);
}

/** Difference of two shares in percentage points, always with a sign. */
export function points(difference: Measure | undefined): string {
  return whenFinite(difference, (value) => {
    const rounded = Math.round(value * 1e4) / 100;
    return `${rounded < 0 ? "" : "+"}${rounded.toFixed(2)}`;
  });
}

export function integer(value: Measure | undefined): string {
  return whenFinite(value, (number) => grouped.format(number));
}

export function decimal(value: Measure | undefined, digits = 4): string {
  return whenFinite(value, (number) => number.toFixed(digits));
}

/** Things a second: whole ones, or three significant digits of few. */
export const rate = (value: Measure | undefined): string =>
  whenFinite(value, (number) => (number < 100 ? number.toPrecision(3) : grouped.format(number)));

/** Three significant digits with an SI prefix: `2.51 G`. */
export function siPrefix(value: Measure | undefined): string {
  return whenFinite(value, (number) => {
    const prefixes = ["", " k", " M", " G", " T"];
    let step = 0;
    let scaled = number;
    while (Math.abs(scaled) >= 999.5 && step < prefixes.length - 1) {
      scaled /= 1000;
      step++;
    }
    return `${Number(scaled.toPrecision(3))}${prefixes[step]}`;
  });
}

/** Whether a number is shorter with an exponent. */
const isLong = (number: number): boolean => number !== 0 && (Math.abs(number) < 1e-3 || Math.abs(number) >= 1e4);

function numeral(number: number, digits: number, exponent: boolean): string {
  if (number === 0 || !exponent) return String(Number(number.toPrecision(digits)));
  return number.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
}

/** Three significant digits, with an exponent where that is shorter: `0.125`, `1.25e-7`. */
export function scientific(value: Measure | undefined): string {
  return whenFinite(value, (number) => numeral(number, 3, isLong(number)));
}

/** As `scientific`, but all in one notation, and with as many digits as tell different numbers apart, of the 17 that a number has at most. */
export function axisLabels(values: readonly number[]): string[] {
  const exponent = values.some(isLong);
  for (let digits = 3; ; digits++) {
    const labels = values.map((value) => whenFinite(value, (number) => numeral(number, digits, exponent)));
    if (digits === 17 || new Set(labels).size === new Set(values).size) return labels;
  }
}
