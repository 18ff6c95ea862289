"""Every step of every actor by its name, and what may follow a state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from model import searching, steps_build, steps_upkeep, steps_write
from model.environment import happen
from model.rules import Setup, Take
from model.state import Step, World

STEPS: Mapping[str, Take] = {
    "dispatch": steps_write.dispatch,
    "read": steps_write.read,
    "insert_first": steps_write.insert_first,
    "settle": steps_write.settle,
    "insert": steps_write.insert,
    "commit": steps_write.commit,
    "update_labels": steps_write.update_labels,
    "delete": steps_write.delete,
    "submit": steps_write.submit,
    "collect": steps_upkeep.collect,
    "collect_delete": steps_upkeep.collect_delete,
    "forget": steps_upkeep.forget,
    "fence_first": steps_upkeep.fence_first,
    "sweep": steps_upkeep.sweep,
    "fence": steps_upkeep.fence,
    "look_again": steps_upkeep.look_again,
    "sweep_delete": steps_upkeep.sweep_delete,
    "repair": steps_upkeep.repair,
    "note_key": steps_build.note_key,
    "note_running": steps_build.note_running,
    "create": steps_build.create,
    "list": steps_build.list_images,
    "begin_round": steps_build.begin_round,
    "take": steps_build.take,
    "fill": steps_build.fill,
    "fill_read": steps_build.fill_read,
    "fill_settle": steps_build.fill_settle,
    "fill_insert": steps_build.fill_insert,
    "fill_commit": steps_build.fill_commit,
    "reach": steps_build.reach,
    "last_lock": steps_build.last_lock,
    "last_fill": steps_build.last_fill,
    "switch": steps_build.switch,
    "apply": steps_build.apply_exceptions,
    "retire": steps_build.retire,
    "cancel": steps_build.cancel,
    "cancel_drop": steps_build.cancel_drop,
    "ask": searching.ask,
    "look": searching.look,
    "resolve": searching.resolve,
    "resolve_rest": searching.resolve_rest,
}


def successors(world: World, setup: Setup) -> Iterator[tuple[str, Step]]:
    """Yield every step that is possible now, and before it who takes it."""
    for index, actor in enumerate(world.actors):
        take = STEPS.get(actor.step)
        if take is not None:
            for step in take(world, index, setup):
                yield setup.names[index], _merged(step, index, setup)
    for step in happen(world, setup):
        yield "", step


def _merged(step: Step, index: int, setup: Setup) -> Step:
    """Take the steps that follow at once together with a step, as far as the setup says so."""
    while not step.problem and (following := step.world.actors[index].step) in setup.merged:
        steps = list(STEPS[following](step.world, index, setup))
        if len(steps) != 1:
            break
        step = Step(f"{step.name}; {steps[0].name}", steps[0].world, steps[0].problem)
    return step
