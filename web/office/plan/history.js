// Steps that can be taken back and done again. States are never changed in place.

const MOST = 200;

export class History {
  #states;
  #at = 0;
  /** What the last step was about: the next about the same is part of it. */
  #about;

  constructor(state) {
    this.#states = [state];
  }

  get state() {
    return this.#states[this.#at];
  }

  get canUndo() {
    return this.#at > 0;
  }

  get canRedo() {
    return this.#at < this.#states.length - 1;
  }

  /** `about`: typing into one field, or one drag, is one step. */
  push(state, about) {
    const goesOn = about !== undefined && about === this.#about && this.#at === this.#states.length - 1 && this.#at > 0;
    this.#states.splice(goesOn ? this.#at : this.#at + 1, Infinity, state);
    if (this.#states.length > MOST) this.#states.shift();
    this.#at = this.#states.length - 1;
    this.#about = about;
  }

  /** The next step is one of its own. */
  pause() {
    this.#about = undefined;
  }

  undo() {
    if (this.canUndo) this.#at -= 1;
    this.pause();
    return this.state;
  }

  redo() {
    if (this.canRedo) this.#at += 1;
    this.pause();
    return this.state;
  }
}
