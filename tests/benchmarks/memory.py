"""Peak memory of a gradient, against the plain way: every answer a sequence of its own, every position's logits.

`python -m tests.benchmarks.memory`. Each way runs in a fresh process, for on a processor only a whole process tells
its peak; on a GPU torch's allocator does. The model is a random Qwen2.5-VL with Qwen's vocabulary of 151,936.
"""

import argparse
import json
import resource
import subprocess
import sys

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from agents.batch import Prompts
from agents.lora import add_adapter, lora_config
from agents.qwen_vl import QwenVL
from agents.tiny import build_processor, mrope
from tests.agents.conftest import noise_pictures
from train.micro_batches import micro_batches
from train.preparation import checkpoint_layers

VOCABULARY, QUESTION = 151_936, "What time is it? Reply <answer>HH:MM:SS</answer>"
WAYS = ("plain", "packed", "packed, micro-batches", "and checkpointed", "and with LoRA")


def build(hidden: int, layers: int) -> QwenVL:
    """A model whose vocabulary is Qwen's; its tokenizer knows the first 512 of it."""
    processor = build_processor("tiny")
    token = processor.tokenizer.convert_tokens_to_ids
    shape = {"hidden_size": hidden, "intermediate_size": 3 * hidden, "num_attention_heads": hidden // 32}
    config = Qwen2_5_VLConfig(
        text_config={
            **shape,
            **mrope(4, 6, 6),
            "vocab_size": VOCABULARY,
            "num_hidden_layers": layers,
            "num_key_value_heads": hidden // 32,
            "eos_token_id": token("<|im_end|>"),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 96,
            "num_heads": 3,
            "intermediate_size": 288,
            "out_hidden_size": hidden,
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = token("<|im_end|>")
    return QwenVL(model, processor)


def plain(policy: QwenVL, prompts: Prompts, ids_BT: torch.Tensor) -> None:
    """One full sequence for each answer, through the whole model."""
    G = len(ids_BT) // len(prompts)
    repeated = prompts.select(torch.arange(len(prompts)).repeat_interleave(G))
    input_ids = torch.cat([repeated.input_ids_PS, ids_BT], dim=1)
    kinds = (input_ids == policy.model.config.image_token_id).int()
    logits = policy.model(input_ids=input_ids, mm_token_type_ids=kinds, **repeated.picture_inputs).logits.float()
    logp = logits[:, :-1].log_softmax(-1).gather(-1, input_ids[:, 1:, None])[..., 0]
    logp[:, -ids_BT.shape[1] :].sum().backward()


def ours(policy: QwenVL, prompts: Prompts, ids_BT: torch.Tensor, budget: int) -> None:
    """The learner's way, in micro-batches of at most `budget` tokens."""
    mask_BT = torch.ones_like(ids_BT, dtype=torch.bool)
    policy.model.train()
    P, S = prompts.input_ids_PS.shape
    for part in micro_batches(P, len(ids_BT) // P, S, ids_BT.shape[1], budget):
        ids, mask = ids_BT[part.members], mask_BT[part.members]
        logp_BT, _ = policy.log_probabilities(prompts.select(part.prompts), ids, mask)
        logp_BT.sum().backward()


def measure(way: str, options: argparse.Namespace) -> float:
    """Peak MiB of computing one way's gradient, beside the weights and the gradients themselves."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    policy = build(options.hidden, options.layers).to(device)
    if way == WAYS[4]:
        add_adapter(policy, lora_config(policy, 16, 32.0, "q_proj,v_proj", vision=False), 0)
    if way in WAYS[3:]:
        checkpoint_layers(policy)
    prompts = policy.prepare([QUESTION] * options.problems, noise_pictures(*[112] * options.problems))
    ids_BT = torch.randint(300, 500, (options.problems * options.group, options.tokens), device=device)
    for parameter in policy.model.parameters():
        parameter.grad = torch.ones_like(parameter) if parameter.requires_grad else None  # touched, so it counts before
    before = used(device)
    if way == WAYS[0]:
        plain(policy, prompts, ids_BT)
    else:
        ours(policy, prompts, ids_BT, 10**9 if way == WAYS[1] else 256)
    return used(device) - before


def used(device: str) -> float:
    """The most MiB so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("problems", 4), ("group", 8), ("tokens", 24), ("hidden", 256), ("layers", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options)))
        return
    print(f"{options.problems} x {options.group} answers of {options.tokens} tokens, vocabulary {VOCABULARY}\n")
    print("| way | peak beside weights and gradients, MiB | of the plain way |\n|---|---:|---:|")
    found: dict[str, float] = {}
    for way in WAYS:
        command = [sys.executable, "-m", "tests.benchmarks.memory", *sys.argv[1:], "--way", way]
        found[way] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        print(f"| {way} | {found[way]:.0f} | {found[way] / found['plain']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
