/** The file of measured cells: read, held against the settings, and written after every cell, so that a run can be cut at any time. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { CALIBRATION, METHODS, SEEDS, SETTINGS } from "./settings.mjs";

const CONDITIONS = { seeds: SEEDS, calibration: CALIBRATION, methods: METHODS, settings: SETTINGS };

const plain = (value) => JSON.parse(JSON.stringify(value));

/**
 * @param {string} file
 * @param {object} environment - adapter and versions of this run, or undefined where nothing will be measured
 * @throws Error when results were measured under other conditions
 */
export function openResults(file, environment) {
  if (!existsSync(file)) return { environment, ...plain(CONDITIONS), cells: [] };
  const results = JSON.parse(readFileSync(file, "utf8"));
  const { cells, ...measured } = results;
  const wanted = plain({ environment: environment ?? measured.environment, ...CONDITIONS });
  for (const [name, value] of Object.entries(wanted)) {
    if (isDeepStrictEqual(measured[name], value)) continue;
    throw new Error(`${file}: expected results for the same ${name}, got others; remove the file to measure anew`);
  }
  return results;
}

/** One cell a line. */
export function saveResults(file, { cells, ...conditions }) {
  const head = JSON.stringify(conditions, null, 2).replace(/\n}$/, "");
  const lines = [...cells].sort(byPlace).map((cell) => `    ${JSON.stringify(cell)}`);
  writeFileSync(`${file}.part`, `${head},\n  "cells": [\n${lines.join(",\n")}\n  ]\n}\n`);
  renameSync(`${file}.part`, file);
}

const settingNames = Object.keys(SETTINGS);

const byPlace = (a, b) =>
  settingNames.indexOf(a.setting) - settingNames.indexOf(b.setting) ||
  METHODS.indexOf(a.method) - METHODS.indexOf(b.method) ||
  a.sparsity - b.sparsity ||
  a.seed - b.seed;

export const isSameCell = (a, b) =>
  a.setting === b.setting && a.method === b.method && a.sparsity === b.sparsity && a.seed === b.seed;
