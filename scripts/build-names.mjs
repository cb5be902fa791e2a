/**
 * Writes `src/kernels/checked.gen.ts`, the module behind `secateur/kernels`: each kernel with the names that its arguments may hold and the words
 * that may be given, as the compiler reads them out of the sources' types. So a misspelt optional buffer, option or mode is refused there as it is in TypeScript, and
 * none is written twice.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "src/kernels/");
const output = join(folder, "checked.gen.ts");

/** Kernels and their arguments are plain data of this folder; buffers, devices and what the language brings are looked at elsewhere. */
const isForeign = (property) =>
  property.declarations?.some((node) => !node.getSourceFile().fileName.includes("/src/kernels/"));

/** The parts of a type that are there when a value is. */
const partsOf = (type) =>
  (type.isUnion() ? type.types : [type]).filter((part) => !(part.flags & ts.TypeFlags.Undefined));

/** The words that a value of this type may be; undefined where it may be anything else. */
function wordsOf(type) {
  const parts = partsOf(type);
  return parts.length > 0 && parts.every((part) => part.isStringLiteral())
    ? parts.map(({ value }) => value)
    : undefined;
}

/** The words of the properties that hold one of several, in each of the types that have them. */
function namedWords(checker, properties) {
  const words = [...new Set(properties.map(({ name }) => name))].flatMap((name) => {
    const same = properties.filter((property) => property.name === name);
    const each = same.map((property) => wordsOf(checker.getTypeOfSymbol(property)));
    return each.every(Boolean) ? [[name, [...new Set(each.flat())]]] : [];
  });
  return words.length > 0 ? { words: Object.fromEntries(words) } : {};
}

/** The names that a value of this type may hold, all or those of its elements; undefined for what is no object of names. */
function namesOf(checker, type) {
  const parts = partsOf(type).filter((part) => part.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection));
  if (parts.length === 0) return undefined;
  const element = (part) => part.getNumberIndexType() ?? part.getStringIndexType();
  if (parts.every((part) => checker.isArrayType(part) || part.getStringIndexType())) {
    const found = parts.map((part) => namesOf(checker, element(part)));
    return found.length === 1 && found[0] && !found[0].each ? { ...found[0], each: true } : undefined;
  }
  const properties = parts.flatMap((part) => part.getProperties());
  const isOpen = parts.some((part) => element(part) || part.getCallSignatures().length > 0);
  if (isOpen || properties.length === 0 || properties.some(isForeign)) return undefined;
  return { names: [...new Set(properties.map(({ name }) => name))], ...namedWords(checker, properties) };
}

/** What is known of the argument at a place from 1; null where that is nothing. An argument that is taken apart has no name but its place. */
function knownOf(checker, parameter, place) {
  const type = checker.getTypeOfSymbol(parameter);
  const node = parameter.valueDeclaration;
  const argument = ts.isIdentifier(node.name) ? node.name.text : `argument ${place}`;
  const optional = checker.isOptionalParameter(node) ? { optional: true } : {};
  const words = wordsOf(type);
  if (words) return { argument, words, ...optional };
  const known = namesOf(checker, type);
  const onlyObjects = partsOf(type).every((part) => part.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection));
  return known ? { ...known, ...(onlyObjects && { object: argument, ...optional }) } : null;
}

/** What may be in each argument of a kernel, a function of a Gpu that gives nothing back; undefined for all else. */
function argumentsOf(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (!(target.flags & ts.SymbolFlags.Function)) return undefined;
  const [signature] = checker.getTypeOfSymbol(target).getCallSignatures();
  const [gpu, ...given] = signature.getParameters();
  const isKernel =
    gpu && checker.getTypeOfSymbol(gpu).symbol?.name === "Gpu" && signature.getReturnType().flags & ts.TypeFlags.Void;
  return isKernel ? [null, ...given.map((parameter, index) => knownOf(checker, parameter, index + 2))] : undefined;
}

export function buildNames() {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config;
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const entry = join(folder, "index.ts");
  const program = ts.createProgram([entry], options);
  const checker = program.getTypeChecker();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)));
  const lines = exported.flatMap((symbol) => {
    const known = argumentsOf(checker, symbol);
    if (!known) return [];
    const { name } = symbol;
    return [`export const ${name} = /* @__PURE__ */ checked("${name}", kernels.${name}, ${JSON.stringify(known)});`];
  });
  const head = [
    "// Made by scripts/build-names.mjs from the types of src/kernels/. Do not edit.",
    'import { checked } from "./check-names.js";',
    'import * as kernels from "./index.js";',
    "",
    'export * from "./index.js";',
  ];
  const text = `${[...head, ...lines].join("\n")}\n`;
  let old = "";
  try {
    old = readFileSync(output, "utf8");
  } catch {}
  if (old !== text) writeFileSync(output, text);
}
