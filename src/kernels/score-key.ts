const view = new DataView(new ArrayBuffer(4));

/** A score as an integer in the order of selection, as shaders/shared/score_key.wgsl has it. */
export function scoreKey(score: number): number {
  if (Number.isNaN(score)) return 0xff900000;
  view.setFloat32(0, Math.abs(score));
  const magnitude = view.getUint32(0);
  return score < 0 ? 0x80000000 - magnitude : 0x80000000 + magnitude;
}
