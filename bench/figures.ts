/** Three significant digits without an exponent; nothing for what is not known. */
export function figureText(value: number | null): string {
  if (value === null) return "";
  if (value === 0 || value >= 99.95) return value.toFixed(0);
  return value < 0.001 ? value.toFixed(4) : value.toPrecision(3);
}
