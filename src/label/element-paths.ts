/** One string for each path of elements: the same path is asked for again and again. */
interface Node {
  readonly path: string
  readonly below: Map<string, Node>
}

const ROOT: Node = { path: '', below: new Map() }
/** All of R4 has fewer; what hostile names add beyond is not kept. */
const MOST = 20_000
let kept = 0

/** The names among these steps, from one of them on, joined by dots. */
export function elementOf(steps: readonly (string | number)[], from: number): string {
  let node = ROOT
  for (let i = from; i < steps.length; i++) {
    const step = steps[i]
    if (typeof step === 'string') node = node.below.get(step) ?? added(node, step)
  }
  return node.path
}

function added(node: Node, step: string): Node {
  const below = { path: node.path === '' ? step : `${node.path}.${step}`, below: new Map<string, Node>() }
  if (kept < MOST) {
    kept++
    node.below.set(step, below)
  }
  return below
}
