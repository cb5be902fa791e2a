/** How the points of a series look: with the colours of the style sheet, enough shapes that each of 24 series is one of a kind. */
import { symbol, symbolCircle, symbolDiamond, symbolSquare, symbolStar, symbolTriangle, symbolWye } from "d3-shape";

const SHAPES = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolStar, symbolWye] as const;

/** Path around the origin for the points of the n-th series. */
export function marker(index: number, area: number): string {
  return symbol(SHAPES[index % SHAPES.length], area)() ?? "";
}
