"""In which order rows are put back: children before the parent taken away, parents before what points to them."""

from collections.abc import Iterable, Mapping

from abreast.schema.repair import Undo, Verdict


def groups(rows: Iterable[Undo]) -> list[tuple[Undo, ...]]:
    """The clean rows in the order of putting them back: what a row needs comes before it, otherwise as given.

    Rows that need each other are one group: strongly connected components, as Tarjan finds them (Depth-first search
    and linear graph algorithms, 1972), without recursion.
    """
    clean = {row.id: row for row in rows if row.verdict is Verdict.CLEAN}
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    made: list[tuple[Undo, ...]] = []
    for root, undo in clean.items():
        if root in number:
            continue
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        path = [(root, iter(undo.needs))]
        while path:
            node, rest = path[-1]
            following = next((need for need in rest if need in clean), None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    made.append(_component(node, stack, on_stack, clean))
            elif following not in number:
                number[following] = low[following] = len(number)
                stack.append(following)
                on_stack.add(following)
                path.append((following, iter(clean[following].needs)))
            elif following in on_stack:
                low[node] = min(low[node], number[following])
    return made


def _component(node: int, stack: list[int], on_stack: set[int], clean: Mapping[int, Undo]) -> tuple[Undo, ...]:
    members = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        members.append(clean[member])
        if member == node:
            return tuple(members)
