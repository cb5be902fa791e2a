import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { durationText, Progress } from "../../src/cli/progress.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function stream(isTTY: boolean) {
  const lines: string[] = [];
  return { isTTY, columns: 30, lines, write: (text: string) => lines.push(text) };
}

it("tells a log every ten seconds how far the work is and how long it takes", () => {
  const log = stream(false);
  using progress = new Progress(log, 100);
  for (let second = 1; second <= 25; second++) {
    vi.advanceTimersByTime(1000);
    progress.advance(1, "round 1");
  }
  expect(log.lines).toEqual(["round 1: 10%, 1 min 30 s left\n", "round 1: 20%, 1 min 20 s left\n"]);
});

it("tells before the first work what runs, and for how long at most", () => {
  const log = stream(false);
  using progress = new Progress(log, 100, 120);
  progress.show("nt 197x192x192");
  expect(log.lines).toEqual(["nt 197x192x192: 0%, 2 min 00 s left\n"]);
});

it("tells no time from the first steps of the first minute, which compile", () => {
  const log = stream(false);
  using progress = new Progress(log, 1000);
  for (const seconds of [17, 44]) {
    vi.advanceTimersByTime(seconds * 1000);
    progress.advance(5, "images");
  }
  expect(log.lines).toEqual(["images: 0%\n", "images: 1%, 2 h 25 min left\n"]);
});

it("tells the time that is left by the pace after the first piece of work, which compiles", () => {
  const log = stream(false);
  using progress = new Progress(log, 500);
  for (const seconds of [15, 1, 9]) {
    vi.advanceTimersByTime(seconds * 1000);
    progress.advance(16, "images");
  }
  expect(log.lines).toEqual(["images: 3%\n", "images: 9%, 2 min 21 s left\n"]);
});

it("promises no more time than the budget leaves", () => {
  const log = stream(false);
  using progress = new Progress(log, 100, 30);
  vi.advanceTimersByTime(12_000);
  progress.advance(1, "nt 197x192x192");
  expect(log.lines).toEqual(["nt 197x192x192: 1%, 18 s left\n"]);
});

it("rewrites one line of a terminal and takes it away at the end", () => {
  const terminal = stream(true);
  {
    using progress = new Progress(terminal, 4);
    vi.advanceTimersByTime(2000);
    progress.advance(1, "a label that is longer than the terminal");
    progress.advance(1, "too soon to be shown");
  }
  expect(terminal.lines).toEqual(["\r\x1b[Ka label that is longer than t", "\r\x1b[K"]);
});

it("says nothing of work that is done at once", () => {
  const log = stream(false);
  using progress = new Progress(log, 1);
  vi.advanceTimersByTime(20_000);
  progress.advance(1, "all");
  expect(log.lines).toEqual([]);
});

it.each([
  [0.4, "0 s"],
  [59.4, "59 s"],
  [60, "1 min 00 s"],
  [3599, "59 min 59 s"],
  [7260, "2 h 01 min"],
])("reads %d seconds as %s", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
