// What the page says of why two pictures are alike.

import { count } from "./strings.js";

export const WHY = {
  bands: { same: "the same", near: "near", similar: "similar" },
  ask: "Why are they alike?",
  failed: "That could not be told:",
  names: [
    ["the upper left", "the top", "the upper right"],
    ["the left", "the middle", "the right"],
    ["the lower left", "the bottom", "the lower right"],
  ],
  /** @param {string | null} query @param {string | null} picture */
  places: (query, picture) =>
    query && picture
      ? `Mostly because of ${query} of the query and ${picture} of this picture: the warmer, the more.`
      : "Because of nothing that most pictures do not have as well.",
  /** @param {number} vectors */
  mean: (vectors) =>
    vectors ? `What ${count(vectors)} pictures of the collection have in common is left out.` : "Nothing is left out.",
};
