// Which campaigns there are. The server lists none; who may read the history finds all of them there, others those that this browser
// has issued or opened. Only numbers are kept here, never a code.

const KEY = "lastseat.office-campaigns";
const MOST = 50;
/** A campaign has two events. */
const MOST_EVENTS = 100_000;

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    // No storage, or not ours.
    return [];
  }
}

/** Keeps what a list shows of a campaign. */
export function remember({ id, discount, count, by, started_at: at }) {
  const others = remembered().filter((known) => known.id !== id);
  try {
    localStorage.setItem(KEY, JSON.stringify([{ id, discount, count, by, at }, ...others].slice(0, MOST)));
  } catch {
    // Then it is opened by its number.
  }
}

/** Of the log's events, as NDJSON: the campaigns, newest first. Pure. */
export function campaignsOf(text) {
  const events = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const started = events.filter(({ type }) => type === "CampaignStarted");
  return started.map(({ data, metadata }) => ({ id: data.campaign, discount: data.terms?.discount, count: data.count, by: data.by, at: metadata.at })).reverse();
}

/**
 * The campaigns, and whether these are all.
 *
 * @returns {Promise<{ all: boolean, campaigns: any[] }>}
 */
export async function listCampaigns(call) {
  try {
    const { body } = await call("GET", `/v1/audit/events?${new URLSearchParams({ stream: "campaign-*", limit: String(MOST_EVENTS) })}`, { accept: "application/x-ndjson" });
    return { all: true, campaigns: campaignsOf(String(body)) };
  } catch (error) {
    if (error.status !== 403) throw error;
    return { all: false, campaigns: remembered() };
  }
}
