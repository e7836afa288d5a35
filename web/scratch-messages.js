// What a scratch card says, in the shop and in the wallet.

import { messages } from "./language.js";

const en = {
  scratch_card: "Scratch card",
  scratch_title: "You have a scratch card",
  scratch_here: "Scratch here",
  reveal: "Reveal",
  won: "You have won",
  won_reward: "You have won: {reward}",
};

const de = {
  scratch_card: "Rubbellos",
  scratch_title: "Sie haben ein Rubbellos",
  scratch_here: "Hier rubbeln",
  reveal: "Aufdecken",
  won: "Sie haben gewonnen",
  won_reward: "Sie haben gewonnen: {reward}",
};

export const t = messages({ en, de });
