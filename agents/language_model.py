"""A causal language model as a policy: load, prepare, generate, log-probabilities; a group's prompt is computed once.

The G answers to one problem share a long prompt. `generate` and `log_probabilities` both pack k of them behind one
copy of it, `[prompt | answer 1 | ... | answer k]`, under a mask that hides them from each other; k is G for short
answers, fewer for long ones. Both equal the plain computation to rounding.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from agents.batch import Answers, Prompts, grouped, keyed_noise
from agents.choices import Attention
from agents.decoding import decode_growing, generate_static
from agents.fitting import answer
from agents.policy import Draws, Reply, pictures
from agents.scoring import Score, score_answers

# What is added to the logit of a token that may not be sampled: its probability is exactly 0, and 0 · log 0 stays a
# number.
NEVER = -1e4
# Chat texts kept, because a task asks the same question about every picture.
MAX_CHAT_TEXTS = 4096
# Llama's chat template names today's date unless it is given one; this is its own fallback, so that a run repeats.
CHAT_DATE = "26 Jul 2024"


class LanguageModel:
    """A text-only causal model that answers questions. `QwenVL` adds pictures.

    A tokenizer without a chat template (a base model's) gets the plain prompt, its own special tokens added.

    Args:
        model: a causal model of one of `agents.families.FAMILIES`.
        processor: its tokenizer.
        max_new_tokens: the longest answer.

    Raises:
        ValueError: no end-of-text token, or a model that looks back through a sliding window.
    """

    _bias_V: Tensor
    model_class: Any = AutoModelForCausalLM
    processor_class: Any = AutoTokenizer

    def __init__(self, model: Any, processor: Any, max_new_tokens: int = 16) -> None:
        self.model = model.eval()  # a new one is in training mode, where gradient checkpointing turns the cache off
        without_dropout(model)
        self.adapter: Any = None
        """A `peft.PeftModel` around `model`, if low-rank adapters learn in place of its weights."""
        self.processor = processor
        self.max_new_tokens = max_new_tokens
        self.prompts_at_once: int | None = None
        """Prompts that `agents.fitting.answer` takes at once; None for all. Memory that runs out lowers it."""
        self.static_decoding = False
        """Whether `generate` decodes in equal steps, which a GPU replays as a CUDA graph (`agents.decoding`)."""
        self.tokenizer: Any = getattr(processor, "tokenizer", processor)
        self.tokenizer.padding_side = "left"
        if set(getattr(model.config.get_text_config(), "layer_types", None) or ()) - {"full_attention"}:
            raise ValueError("some of its layers attend through a sliding window, which a packed group has no mask for")
        end = model.generation_config.eos_token_id
        self.end_ids = sorted({self.tokenizer.eos_token_id, *(end if isinstance(end, list) else [end])} - {None})
        if not self.end_ids:
            raise ValueError("neither its tokenizer nor its generation config names an end-of-text token")
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token_id = self.end_ids[0]
        self.pad_id: int = self.tokenizer.pad_token_id
        self.never_sampled = self._never_sampled()
        self._chat_texts: dict[tuple[str, int], str] = {}
        self.sharded = False
        """Whether other processes hold parts of the weights, so that all of them must compute in step."""
        self.goes_on: Callable[[Tensor], Any] = torch.any
        """Whether decoding goes on, told which answers run. Where weights are sharded, those of all processes count."""

    @classmethod
    def load(
        cls,
        checkpoint: str,
        processor: str,
        max_new_tokens: int = 16,
        dtype: torch.dtype = torch.float32,
        attention: Attention = "sdpa",
    ) -> Self:
        """Load the weights in a Hugging Face folder or hub id, and the tokenizer or processor in that or another."""
        kernels: Any = attention
        if attention == "flash_attention_2":  # takes no mask of a packed group, which the vision tower does without
            kernels = {"": "sdpa", "text_config": "sdpa", "vision_config": attention}
        model, told = cls.model_class.from_pretrained(
            checkpoint,
            dtype=dtype,
            attn_implementation=kernels,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        if missing := sorted(told["missing_keys"]):
            raise ValueError(f"{len(missing)} of its weights are not there, first {missing[0]}")
        return cls(model, cls.processor_class.from_pretrained(processor, trust_remote_code=False), max_new_tokens)

    def save(self, folder: Path, weights: dict[str, Tensor] | None = None) -> None:
        """Write weights (of the adapter alone, if there is one), config, tokenizer or processor for `load`.

        Args:
            folder: made where it is missing.
            weights: those of the model, if it holds only parts of them.
        """
        if self.adapter is None:
            self.model.save_pretrained(folder, state_dict=weights)
        else:
            self.adapter.save_pretrained(folder, save_embedding_layers=False)
            (folder / "README.md").unlink(missing_ok=True)  # peft's form for a description, not filled in
        self.processor.save_pretrained(folder)

    def adapter_off(self) -> AbstractContextManager[None]:
        """Within this context the model is the one under the adapter, if there is an adapter."""
        return nullcontext() if self.adapter is None else self.adapter.disable_adapter()

    def to(self, device: str | torch.device) -> Self:
        """Move the weights."""
        self.model.to(device)
        self._bias_V = self._bias_V.to(device)
        return self

    def cast(self, dtype: torch.dtype) -> Self:
        """Round the weights; rotary frequencies and other buffers stay as they are, as in `from_pretrained`."""
        for parameter in self.model.parameters():
            parameter.data = parameter.data.to(dtype)
        return self

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def prepare(
        self, prompts: Sequence[str], images: Sequence[np.ndarray | Sequence[np.ndarray]] | None = None
    ) -> Prompts:
        """Tokenise P questions, each about its pictures, if the model can see.

        Args:
            prompts: the questions.
            images: for each question a uint8 array (H, W, 3), or any number of them; None for no pictures at all.

        Raises:
            ValueError: pictures for a model that reads text only, arrays that are none, or no room for an answer.
        """
        pictures_P = [_as_list(one) for one in images] if images is not None else [[] for _ in prompts]
        if len(pictures_P) != len(prompts):
            raise ValueError(f"{len(prompts)} prompts need as many entries of pictures, got {len(pictures_P)}")
        texts = [self._chat_text(prompt, len(own)) for prompt, own in zip(prompts, pictures_P, strict=True)]
        prepared = self._tokenise(texts, pictures_P)
        self._require_room(prepared)
        return prepared

    def _require_room(self, prompts: Prompts) -> None:
        """Refuse prompts that leave no room for an answer; none is ever cut, for that would cut its pictures."""
        room, length = self.model.config.get_text_config().max_position_embeddings, prompts.input_ids_PS.shape[1]
        if length + self.max_new_tokens > room:
            raise ValueError(
                f"a prompt of {length} tokens and an answer of {self.max_new_tokens} need "
                f"{length + self.max_new_tokens}, and the model has room for {room}; make the picture smaller "
                "(--task.size, --max-pixels) or the answer shorter (--max-new-tokens): a prompt is never cut"
            )

    def _tokenise(self, texts: list[str], pictures_P: list[list[np.ndarray]]) -> Prompts:
        if any(pictures_P):
            raise ValueError(f"a {self.model.config.model_type} model reads text only, and there are pictures")
        # A chat template writes every special token itself.
        special = self.processor.chat_template is None
        inputs = self.tokenizer(texts, add_special_tokens=special, padding=True, return_tensors="pt").to(self.device)
        mask_PS = inputs["attention_mask"].bool()
        positions_PS = (mask_PS.cumsum(-1) - 1).clamp(min=0)
        return Prompts(
            input_ids_PS=inputs["input_ids"],
            attention_mask_PS=mask_PS,
            position_ids=positions_PS[None],
            pictures_P=torch.zeros(len(texts), dtype=torch.long),
        )

    def _chat_text(self, prompt: str, pictures: int) -> str:
        """The whole prompt as text."""
        key = (prompt, pictures)
        if key not in self._chat_texts:
            if len(self._chat_texts) > MAX_CHAT_TEXTS:
                self._chat_texts.clear()
            self._chat_texts[key] = self._apply_chat_template(prompt, pictures)
        return self._chat_texts[key]

    def _apply_chat_template(self, prompt: str, pictures: int) -> str:
        if self.processor.chat_template is None:
            return prompt
        messages = [{"role": "user", "content": prompt}]
        return self.processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, date_string=CHAT_DATE
        )

    @property
    def vocabulary(self) -> int:
        """V, the rows of the output layer, of which some may stand for no token."""
        return len(self._bias_V)

    @property
    def never_sampled(self) -> list[int]:
        """Tokens that are never sampled: no other has probability exactly 0."""
        return self._bias_V.nonzero()[:, 0].tolist()

    @never_sampled.setter
    def never_sampled(self, tokens: list[int]) -> None:
        self._bias_V = torch.zeros(self.model.get_output_embeddings().weight.shape[0], device=self.device)
        self._bias_V[tokens] = NEVER

    def _never_sampled(self) -> list[int]:
        """Tokens with a row in the output layer that stand for no text: an output layer is often padded."""
        rows = self.model.get_output_embeddings().weight.shape[0]
        return sorted(set(range(rows)) - set(self.tokenizer.get_vocab().values()))

    def generate(
        self,
        prompts: Prompts,
        group_size: int = 1,
        temperature: float = 1.0,
        uniforms_BT: Tensor | None = None,
    ) -> Answers:
        """Answer each prompt `group_size` times.

        Args:
            prompts: P prepared prompts.
            group_size: G answers to each.
            temperature: divides the logits.
            uniforms_BT: the randomness, float64 in [0, 1), (P·G, at least `max_new_tokens`): member b's token t is
                drawn by `uniforms_BT[b, t]`, whatever stands beside it in the batch. None: the most likely token.
        """
        if self.static_decoding:
            return generate_static(self, prompts, group_size, temperature, uniforms_BT)
        # Inference mode spares a tenth of the time. Shards of weights, gathered in it, could not be trained on.
        with torch.no_grad() if self.sharded else torch.inference_mode():
            columns = decode_growing(self, prompts, group_size, temperature, uniforms_BT)
        return Answers(*(torch.stack(column, 1) for column in columns))  # outside: tensors like any other

    def log_probabilities(
        self, prompts: Prompts, ids_BT: Tensor, mask_BT: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Log-probability of every answer token, and the entropy (nats) of the distribution it was drawn from.

        The answers to one prompt share it: each goes on at the prompt's next position, under a mask by which it sees
        the prompt and itself only.

        Args:
            prompts: P prompts.
            ids_BT: answers, B = P·G, group after group, right-padded.
            mask_BT: True on the tokens that count.
            temperature: as in `generate`.

        Returns:
            two (B, T) float32 tensors, 0 where `mask_BT` is False, with gradients if they are enabled.
        """

        def score(hidden_ND: Tensor, ids_N: Tensor) -> tuple[Tensor, Tensor]:
            return Score.apply(self.logits(hidden_ND, temperature), ids_N)

        logp_BT, entropy_BT = score_answers(self, prompts, ids_BT, mask_BT, score, self.vocabulary)
        return logp_BT, entropy_BT

    def scores(
        self,
        prompts: Prompts,
        ids_BT: Tensor,
        mask_BT: Tensor,
        score: Callable[..., tuple[Tensor, ...]],
        held: int | None = None,
        *others_ND: Tensor,
    ) -> tuple[Tensor, ...]:
        """What any `score` makes of the answers; `held` logits of a token, else V (see `agents.scoring`)."""
        return score_answers(self, prompts, ids_BT, mask_BT, score, held or self.vocabulary, *others_ND)

    def hidden_states(
        self, input_ids: Tensor, position_ids: Tensor, attention_mask: Tensor | None, **kwargs: Any
    ) -> Tensor:
        """Last hidden states (N, L, D); `position_ids` (axes, N, L), of which a text model has one axis."""
        return self.model.model(
            input_ids=input_ids,
            position_ids=position_ids.squeeze(0),
            attention_mask=attention_mask,
            use_cache="past_key_values" in kwargs,
            **kwargs,
        ).last_hidden_state

    def logits(self, hidden: Tensor, temperature: float) -> Tensor:
        """Logits (..., V) of the distribution that is sampled: temperature applied, `never_sampled` masked."""
        logits = self.model.lm_head(hidden).float()
        if temperature != 1.0:
            logits = logits / temperature
        return logits.add_(self._bias_V.to(logits.device))

    def decode(self, answers: Answers) -> list[str]:
        """The B answers as text, without special tokens."""
        ids = [row[mask].tolist() for row, mask in zip(answers.ids_BT.cpu(), answers.mask_BT.cpu(), strict=True)]
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Texts as answers that end their turn: ids (B, T), right-padded, and the mask of their tokens."""
        end = self.end_ids[0] if self.tokenizer.eos_token_id is None else self.tokenizer.eos_token_id
        rows = [[*self.tokenizer(text, add_special_tokens=False)["input_ids"], end] for text in texts]
        T = max(map(len, rows))
        ids = torch.tensor([row + [self.pad_id] * (T - len(row)) for row in rows], device=self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        return ids, torch.arange(T, device=self.device) < lengths[:, None]

    def respond(
        self, observations: Mapping[str, Any], infos: Mapping[str, Any], draws: Draws
    ) -> Iterator[tuple[int, Reply]]:
        """Answer a batch of observations; answers to one problem share its prompt (see `agents.policy.Policy`)."""
        rows, group_size = grouped([key[:-1] for key in draws.keys])
        images = pictures(observations)
        shown = None if images is None else [images[row] for row in rows]
        prompts = self.prepare([observations["prompt"][row] for row in rows], shown)
        noise = None if draws.temperature == 0 else keyed_noise(draws.keys, self.max_new_tokens).to(self.device)
        answers = answer(self, prompts, group_size, draws.temperature or 1.0, noise)
        lengths_B = answers.mask_BT.sum(-1)
        cut_B = answers.truncated(self.end_ids)
        yield from enumerate(map(Reply, self.decode(answers), lengths_B.tolist(), cut_B.tolist()))


def without_dropout(model: Any) -> None:
    """Take dropout out of a model: the learner's log-probabilities are to be those of what was sampled from."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def _as_list(pictures: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    """One picture or several as a list of pictures."""
    return [pictures] if isinstance(pictures, np.ndarray) and pictures.ndim == 3 else list(pictures)
