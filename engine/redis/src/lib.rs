//! Redis: the seat guard and the rate limits that many nodes share.
