// Where a booking's bank asks its buyer.

/**
 * The bank's page: an encrypted one, or one that is no less safe than this page, as a sandbox's in development. Anything
 * else is not opened.
 */
export function bankUrl(booking) {
  const given = booking?.next_action?.url;
  if (!given || !URL.canParse(given, location.href)) return undefined;
  const url = new URL(given, location.href);
  return url.protocol === "https:" || (url.protocol === "http:" && location.protocol === "http:") ? url.href : undefined;
}

/** The sandbox's payment intent; nothing if the bank is a real one, with a page of its own. */
export function sandboxIntent(booking) {
  const page = bankUrl(booking);
  if (!page) return undefined;
  const { origin, pathname } = new URL(page);
  return origin === location.origin || pathname.includes("/sandbox/") ? decodeURIComponent(pathname.split("/").at(-1)) : undefined;
}

/** Where the bank's page leads back to. It has no token: this browser keeps it. */
export function returnUrl(booking) {
  return `${location.origin}/?booking=${encodeURIComponent(booking.id)}`;
}
