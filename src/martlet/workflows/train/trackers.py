"""What the trackers of a run are told of it."""

from martlet.console.progress import Voice
from martlet.training.checkpoint import Header
from martlet.training.run_files import METRICS
from martlet.training.trackers import About, Trackers, names_of
from martlet.workflows.run_folder import PAGE
from martlet.workflows.train.plan import Plan

KEPT = (PAGE, METRICS)  # of the run's files, what trackers keep too


def tracked(plan: Plan, header: Header, voice: Voice) -> Trackers:
    """The trackers that the options name, for the run of the plan."""
    params = {
        "command": plan.options.command(plan.data),
        "network": header.network.name,
        "classes": len(header.classes),
        **header.recipe.to_dict(),
    }
    about = About(plan.folder.name, plan.folder, params)
    return Trackers(names_of(plan.options.log), about, voice.say)
