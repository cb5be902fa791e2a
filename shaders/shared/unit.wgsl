// Place of value i's operand in an array<Unit> with one element a unit: element e belongs to unit (e / inner) % period.
// The elements of a value have units in a row (inner 1, period a multiple of WIDTH), or share one (inner a multiple of WIDTH): then Unit = f32.
alias Unit = Value;
const UNIT_WIDTH = WIDTH;
fn unit_index(i: u32, inner: u32, period: u32) -> u32 {
  if (UNIT_WIDTH > 1u) { return (i * WIDTH) % period / WIDTH; }
  return ((i * WIDTH) / inner) % period;
}
