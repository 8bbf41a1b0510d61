"""CSV: the usual names of columns, rows without them, and sentences with the line."""

from pathlib import Path

import pytest
from tests.boxed import picture, text

from martlet.data.boxes.read import BoxListing, read_boxes
from martlet.data.boxes.table import has_boxes
from martlet.errors import MartletError

HEAD = "path,xmin,ymin,xmax,ymax,class\n"
BOX = "a.png,10,5,30,15,cat\n"


def read(root: Path, content: str, name: str = "boxes.csv") -> BoxListing:
    picture(root / "images" / "a.png")
    picture(root / "images" / "b.png")
    return read_boxes(root / "images", text(root / name, content))


@pytest.mark.parametrize(
    "content",
    [
        HEAD + BOX,
        BOX,  # without names
        "class;x_min;y_min;x_max;y_max;image\ncat;10;5;30;15;a.png\n",
        "Image Path,X1,Y1,X2,Y2,Label\na.png,10,5,30,15,cat\n",
        "filename,cell_type,xmin,xmax,ymin,ymax\na.png,cat,10,30,5,15\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,40,20,cat,10,5,30,15\n",
        "file,x,y,width,height,name\na.png,10,5,20,10,cat\n",
        "image_id,bbox_x,bbox_y,bbox_w,bbox_h,category_name\na.png,10.0,5,2e1,10,cat\n",
        "ImageID,LabelName,XMin,XMax,YMin,YMax\na.png,cat,0.25,0.75,0.25,0.75\n",
    ],
)
def test_columns(tmp_path: Path, content: str) -> None:
    found = read(tmp_path, content)
    assert found.classes == ("cat",)
    assert found.boxes[0].corners.tolist() == [[10, 5, 30, 15]]
    assert "Pictures without an annotation, left out: 1, such as 'b.png'." in found.notes
    assert not any("size" in note for note in found.notes)


def test_rows_without_box_path_or_picture(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + BOX + "b.png,,,,,\n,1,2,3,4,cat\ngone.png,1,2,3,4,cat\n")
    assert found.pictures == ("a.png", "b.png")
    notes = " ".join(found.notes)
    assert "Rows without a path, left out: 1, such as 'line 4 of boxes.csv'." in notes
    assert "Pictures that are not there, left out with 1 boxes: 1, such as 'gone.png'." in notes
    assert "boxes in 'xmin', 'ymin', 'xmax', 'ymax', classes in 'class'." in notes


def test_parts_of_a_column_and_of_files(tmp_path: Path) -> None:
    head = HEAD.replace("class", "class,set")
    rows = "a.png,1,2,3,4,cat,Train\nb.png,1,2,3,4,cat,validation\n"
    assert read(tmp_path, head + rows).parts == ("train", "val")
    with pytest.raises(MartletError, match="line 3, has the part 'later'; accepted are train"):
        read(tmp_path, head + rows.replace("validation", "later"))
    with pytest.raises(MartletError, match=r"1 pictures, such as 'b.png', have no part"):
        read(tmp_path, head + rows.replace("validation", ""))
    with pytest.raises(MartletError, match=r"'a.png' is given twice, as train and as val"):
        read(tmp_path, head + rows.replace("b.png", "a.png"))
    text(tmp_path / "csv" / "train.csv", HEAD + BOX)
    text(tmp_path / "csv" / "test.csv", HEAD + BOX.replace("a.png", "b.png"))
    assert read_boxes(tmp_path / "images", tmp_path / "csv").parts == ("train", "test")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (HEAD + BOX + "a.png,1,2,x,4,cat\n", "line 3, has 'x' where a number is accepted"),
        (HEAD + BOX + "a.png,1,2,,4,cat\n", "line 3, has a box with 3 of its four numbers"),
        (HEAD + "a.png,1,2,3,4,\n", "line 2, has '' as the name of a class"),
        (HEAD + "a.png,1,2\n", "line 2, has a box with 2 of its four numbers"),
        ("path,left,top,class\n" + BOX, "begins with the columns 'path', 'left', 'top', 'class'"),
        ("xmin,ymin,xmax,ymax,class\n1,2,3,4,cat\n", "and none is the path; accepted are path"),
        ("path,xmin,ymin,xmax,ymax\na.png,1,2,3,4\n", "and none is the class; accepted are label"),
        ("path,xmin,x1,ymin,xmax,ymax,class\n", "has 2 columns that could be the corner"),
        ("", "is empty"),
        (HEAD, "name none of the 2 pictures"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        read(tmp_path, content)


def test_other_tables_have_no_boxes(tmp_path: Path) -> None:
    assert has_boxes(text(tmp_path / "a.csv", HEAD))
    assert has_boxes(text(tmp_path / "b.csv", BOX))
    assert not has_boxes(text(tmp_path / "c.csv", "path,label\na.png,cat\n"))
    assert not has_boxes(text(tmp_path / "d.csv", ""))
