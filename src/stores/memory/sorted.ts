/** Puts an item at its place in a sorted list. */
export function insertSorted<T>(list: T[], item: T, compare: (a: T, b: T) => number): void {
  list.splice(placeOf(list, item, compare), 0, item);
}

/** Takes an item out of a sorted list, if it is there; to be called before what it is sorted by changes. */
export function removeSorted<T>(list: T[], item: T, compare: (a: T, b: T) => number): void {
  const place = placeOf(list, item, compare);
  if (list[place] === item) list.splice(place, 1);
}

function placeOf<T>(list: readonly T[], item: T, compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(list[middle]!, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
