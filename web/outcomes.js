// What the server's answers mean for the visitor: the next step, and what to say. Pure.

import { Problem } from "./api.js";
import { t } from "./payment-messages.js";
import { declined, ending, sentence } from "./refusals.js";

const bad = (text) => ({ tone: "bad", text });

/**
 * The step that a booking is at: `{ phase, note }`. `before` is what the page shows, with whether it has the
 * gateway's form (`hasForm`) and what that needs (`secret`). `news` is said if there is nothing worse.
 */
export function stepOf(booking, before, news) {
  const { status, reason, payment } = booking;
  // An old message stays, unless it was about a passing trouble.
  const lasting = before.note?.passing ? undefined : before.note;
  switch (status) {
    case "confirmed":
      return { phase: "confirmed", note: news };
    case "aborted":
      return { phase: "over", note: bad(ending(reason)) };
    case "refunded":
      return { phase: "over", note: bad(ending("refunded")) };
    case "paying":
      return { phase: "paying", note: payment?.under_review ? bad(t("under_review")) : news };
    case "action_required": {
      const noForm = booking.retry_after && !before.secret && before.hasForm ? bad(t("form_not_open")) : undefined;
      return { phase: "action", note: news ?? noForm ?? lasting };
    }
    default: {
      // A slow payment that ended in a decline is reported here and nowhere else.
      const decline = before.phase === "paying" && payment?.last_decline;
      const text = decline && declined(decline, booking.expires_at);
      return { phase: "held", note: news ?? (text ? bad(text) : lasting) };
    }
  }
}

/** The message of a refusal that ends the booking; `undefined` for others. */
export function endedBy({ code, facts }) {
  if (code === "booking_over") return bad(ending(facts?.reason));
  return code === "capture_failed" ? bad(ending("capture_failed")) : undefined;
}

/** What to say about a request that failed; `undefined` if the next look at the booking says it. `named`: as `sentence` has it. */
export function failure(error, booking, named) {
  const { code, facts } = error;
  if (code === "payment_in_progress" || code === "already_confirmed") return undefined;
  const text = code === "payment_declined" ? declined(facts.decline_code, booking.expires_at) : sentence(error, named);
  return { ...bad(text), passing: !(error instanceof Problem) };
}
