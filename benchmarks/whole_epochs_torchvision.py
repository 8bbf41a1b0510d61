"""torchvision's reference loop as a program: DATA MODEL EPOCHS WORKERS; see whole_epochs.py."""

import sys
from pathlib import Path

import torch
import torchvision
from pipeline import BATCH, torchvision_loader
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from martlet.data.pictures.preprocess import IMAGENET_MEAN, IMAGENET_STD

SIZE = 224


def main() -> None:
    data, name, epochs, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    loader = torchvision_loader(data / "train", SIZE, workers)
    steps = [transforms.Resize(256), transforms.CenterCrop(SIZE), transforms.ToTensor()]
    steps.append(transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD))
    held_out = ImageFolder(str(data / "val"), transforms.Compose(steps))
    held_out_loader = DataLoader(held_out, BATCH, num_workers=workers)
    model = torchvision.models.get_model(name, num_classes=len(held_out.classes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    criterion = torch.nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        right = 0
        with torch.inference_mode():
            for inputs, labels in held_out_loader:
                right += int((model(inputs).argmax(1) == labels).sum())
        print(right / len(held_out))


if __name__ == "__main__":
    main()
