import type { Configuration } from './model/configuration.ts'
import type { Upstream } from './model/doors.ts'
import type { HttpRequest, HttpResponse } from './model/exchange.ts'
import { createConsentDoor, type Dropped } from './upstream/consent-door.ts'
import { createPeers } from './upstream/consent-peers.ts'

/** How a changed Consent is heard of, and passed on, before the stated latency is over. */
export interface Notifications {
  /** The upstream whose `invalidateConsents` tells the other gateways too. */
  readonly upstream: Upstream
  /** Absent where the site has no notifications. */
  readonly door?: (request: HttpRequest) => HttpResponse
  /** Puts the Subscriptions, where the site wants them: once the door is open. */
  readonly subscribe: () => void
  readonly close: () => Promise<void>
}

export interface NotificationDependencies {
  readonly readFile: (path: string) => string
  readonly warn: (text: string) => void
}

/** Throws Error naming the configuration member that cannot be used. */
export function openNotifications(
  configuration: Pick<Configuration, 'notifications' | 'consentServers' | 'upstream' | 'server'>,
  upstream: Upstream,
  { readFile, warn }: NotificationDependencies,
): Notifications {
  const { notifications, consentServers = [], server } = configuration
  if (notifications === undefined)
    return { upstream, subscribe: () => undefined, close: async () => undefined }
  const { secretFile, peers: others, endpoint } = notifications
  const secret = secretOf(secretFile, 'notifications.secretFile', readFile)
  const peers = createPeers({
    peers: others.map((peer, index) => ({
      url: peer.url,
      secret:
        peer.secretFile === undefined
          ? secret
          : secretOf(peer.secretFile, `notifications.peers[${index}].secretFile`, readFile),
    })),
    warn,
  })
  const drop = (dropped: Dropped): void => {
    if (dropped === 'all') upstream.invalidateConsents()
    else for (const name of dropped) upstream.invalidateConsents(name)
  }
  let watch: ReturnType<NonNullable<Upstream['watchConsents']>> | undefined
  return {
    upstream: {
      ...upstream,
      invalidateConsents: name => {
        upstream.invalidateConsents(name)
        peers.tell(name === undefined ? 'all' : [name])
      },
    },
    door: createConsentDoor({
      secret,
      bases: [configuration.upstream.url, server.baseUrl, ...consentServers.map(({ url }) => url)],
      sameIds: consentServers.every(({ patientIdentifierSystem }) => patientIdentifierSystem === undefined),
      drop,
      tell: peers.tell,
    }),
    subscribe: () => {
      if (!notifications.subscribe || endpoint === undefined || watch !== undefined) return
      watch = upstream.watchConsents?.({ endpoint, secret, warn })
    },
    close: async () => {
      await Promise.all([watch?.close(), peers.close()])
    },
  }
}

function secretOf(file: string, member: string, readFile: (path: string) => string): string {
  let text: string
  try {
    text = readFile(file).trim()
  } catch {
    throw new Error(`${member}: the file cannot be read`)
  }
  if (!/^[!-~]{16,}$/.test(text))
    throw new Error(`${member}: expected one line of at least 16 visible ASCII characters`)
  return text
}
