/** How the passes of a selection are cut into workgroups. */

/**
 * `words`: how a tile of 32-bit words of keep bits is cut; `lanes` and `many`: invocations of workgroups that sum, and that look at scores;
 * `histograms`: workgroups at most that count digits of all scores.
 */
export const SELECT_VARIANTS = {
  /** A workgroup runs on one core: few invocations, each with much to do. */
  software: { words: { GROUP: 8, TURNS: 128 }, lanes: { GROUP: 8 }, many: { GROUP: 8 }, ALONE: true, histograms: 16 },
  hardware: {
    words: { GROUP: 64, TURNS: 4 },
    lanes: { GROUP: 64 },
    many: { GROUP: 256 },
    ALONE: false,
    histograms: 1024,
  },
} as const;

/** How passes over scores are cut into workgroups. */
export type SelectVariant = keyof typeof SELECT_VARIANTS;
