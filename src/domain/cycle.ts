/**
 * A cycle among tasks of one batch, as places in it, the first repeated at the end; undefined when there is none.
 * (Stored tasks cannot depend on new ones.) Iterative: a chain may be as long as a batch.
 */
export function findCycle(edges: readonly (readonly number[])[]): number[] | undefined {
  const done = new Set<number>();
  for (let start = 0; start < edges.length; start += 1) {
    if (done.has(start)) continue;
    const path: { node: number; next: number }[] = [{ node: start, next: 0 }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = edges[top.node]?.[top.next];
      top.next += 1;
      if (to === undefined) {
        path.pop();
        onPath.delete(top.node);
        done.add(top.node);
      } else if (onPath.has(to)) {
        const nodes = path.map(({ node }) => node);
        return [...nodes.slice(nodes.indexOf(to)), to];
      } else if (!done.has(to)) {
        path.push({ node: to, next: 0 });
        onPath.add(to);
      }
    }
  }
  return undefined;
}
