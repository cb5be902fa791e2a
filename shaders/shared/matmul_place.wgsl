// Where a workgroup of a matmul kernel works: tile `index` of batches of m x n outputs, columns first.
struct Place { z: u32, row: u32, column: u32 }

fn place_of(index: u32, m: u32, n: u32, rows: u32, columns: u32) -> Place {
  let across = (n + columns - 1u) / columns;
  let down = (m + rows - 1u) / rows;
  return Place(index / (across * down), index / across % down * rows, index % across * columns);
}
