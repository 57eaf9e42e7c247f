/** The only places that a link on this page may lead to: our viewer, and a source's own web address. */

const LOCAL = "http://page.invalid";

/**
 * Return the absolute address of a viewer page below `base`, or `null` where `url` leads anywhere else.
 *
 * A viewer address is `/d/…`, on the service's own origin.
 */
export function viewerAddress(url: string, base: string): string | null {
  const origin = base === "" ? (globalThis.location?.origin ?? LOCAL) : base;
  try {
    const found = new URL(url, origin);
    const home = new URL(origin);
    return found.origin === home.origin && found.pathname.startsWith("/d/") ? found.href : null;
  } catch {
    return null; // not an address: shown as text, without a link
  }
}

/** Return a source's own address if it is http or https, else `null`. */
export function webAddress(url: string | null): string | null {
  if (url === null || !/^https?:\/\//i.test(url)) {
    return null;
  }
  try {
    return new URL(url).href;
  } catch {
    return null; // not an address: not linked
  }
}
