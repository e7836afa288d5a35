export default {
  tell: "Tell me when seats become free",
  tell_hint: "This page lets you know, also from another tab. Keep it open.",
  telling: "You will hear from this page when seats become free. Keep it open.",
  telling_quiet: "You will hear from this page when seats become free. Keep it open and in view: your browser lets it send no notifications.",
  stop: "Don't tell me",
  free: { one: "{count} place is free now", other: "{count} places are free now" },
  free_hint: "Be quick: others see it, too.",
  free_title: "Free now: {show}",
  free_again: { one: "{count} place of “{show}” is free now.", other: "{count} places of “{show}” are free now." },
  gone_again: "They are gone again. This page goes on watching.",
  other_shows: "Shows with free seats",
  places_free: { one: "{count} free", other: "{count} free" },
};
