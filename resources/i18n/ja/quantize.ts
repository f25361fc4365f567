<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja">
<context>
    <name>QuantizePage</name>
    <message>
        <source>Quantize</source>
        <translation>量子化</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Start (Ctrl+Enter)</source>
        <translation>開始（Ctrl+Enter）</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>A GGUF file or a checkpoint's folder is needed here.</source>
        <translation>ここで使えるのは、GGUFファイルかチェックポイントのフォルダーです。</translation>
    </message>
</context>
<context>
    <name>_Overlay</name>
    <message>
        <source>Drop a GGUF file or a checkpoint's folder to make files of it</source>
        <translation>GGUFファイルかチェックポイントのフォルダーをドロップすると、量子化の元になります</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>Search for a recipe</source>
        <translation>レシピの探索</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>Quantize</source>
        <translation>量子化</translation>
    </message>
</context>
<context>
    <name>ProgressRow</name>
    <message>
        <source>Go on</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
</context>
<context>
    <name>SourceCard</name>
    <message>
        <source>Source</source>
        <translation>元のモデル</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>ライブラリー</translation>
    </message>
    <message>
        <source>GGUF file</source>
        <translation>GGUFファイル</translation>
    </message>
    <message>
        <source>Checkpoint</source>
        <translation>チェックポイント</translation>
    </message>
    <message>
        <source>Hub</source>
        <translation>ハブ</translation>
    </message>
    <message>
        <source>Where the model comes from</source>
        <translation>モデルの取得元</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>owner/name</source>
        <translation>所有者/名前</translation>
    </message>
    <message>
        <source>Name of the checkpoint on the hub</source>
        <translation>ハブでのチェックポイントの名前</translation>
    </message>
    <message>
        <source>Convert to</source>
        <translation>変換先の型</translation>
    </message>
    <message>
        <source>Automatic: the 16-bit type that loses nothing</source>
        <translation>自動: 精度の落ちない16ビットの型</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自動</translation>
    </message>
    <message>
        <source>Quantize it again all the same</source>
        <translation>それでも、もう一度量子化する</translation>
    </message>
    <message>
        <source>Read pickles too: I trust who made them</source>
        <translation>作者を信頼しているので、pickleも読み込む</translation>
    </message>
    <message>
        <source>No model in the Library</source>
        <translation>ライブラリーにモデルがありません</translation>
    </message>
    <message>
        <source>The first time, the converter is installed: about 1 GB, in a folder of its own.</source>
        <translation>初回は変換ツールをインストールします。専用のフォルダーに約1 GBを使います。</translation>
    </message>
    <message>
        <source>It is quantized already: what it lost stays lost, and more is lost now.</source>
        <translation>すでに量子化されています。失われた精度は戻らず、さらに失われます。</translation>
    </message>
    <message>
        <source>Or drop a GGUF file or a checkpoint's folder on this page.</source>
        <translation>GGUFファイルやチェックポイントのフォルダーを、このページにドロップすることもできます。</translation>
    </message>
    <message>
        <source>{bits} bits per weight</source>
        <translation>重みあたり{bits}ビット</translation>
    </message>
    <message>
        <source>{count} parameters</source>
        <translation>パラメーター数 {count}</translation>
    </message>
</context>
<context>
    <name>MatrixCard</name>
    <message>
        <source>Importance matrix</source>
        <translation>重要度行列</translation>
    </message>
    <message>
        <source>None</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Paddock's text</source>
        <translation>付属の文章</translation>
    </message>
    <message>
        <source>Own text</source>
        <translation>自分の文章</translation>
    </message>
    <message>
        <source>Matrix file</source>
        <translation>行列ファイル</translation>
    </message>
    <message>
        <source>All weights count the same. Below 5 bits that costs quality.</source>
        <translation>すべての重みを同じように扱います。5ビットを下回ると品質が落ちます。</translation>
    </message>
    <message>
        <source>Which weights matter is learned from a text in English, Japanese and code.</source>
        <translation>どの重みが大切かを、英語、日本語、コードの文章から調べます。</translation>
    </message>
    <message>
        <source>A text of some pages, such as the model is to read and write.</source>
        <translation>モデルに読み書きさせたいものに近い、数ページ以上の文章を選びます。</translation>
    </message>
    <message>
        <source>A matrix of this very model (.gguf, .dat).</source>
        <translation>このモデル自身の行列（.gguf、.dat）を選びます。</translation>
    </message>
    <message>
        <source>{types} cannot be made without one.</source>
        <translation>{types} は、これがないと作れません。</translation>
    </message>
    <message>
        <source>Needed by {types}.</source>
        <translation>{types} に必要です。</translation>
    </message>
</context>
<context>
    <name>TypesCard</name>
    <message>
        <source>Files</source>
        <translation>作るファイル</translation>
    </message>
    <message>
        <source>Types</source>
        <translation>タイプ</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目標</translation>
    </message>
    <message>
        <source>What is made</source>
        <translation>作るもの</translation>
    </message>
    <message>
        <source>Saved recipes</source>
        <translation>保存したレシピ</translation>
    </message>
    <message>
        <source>All types and recipes…</source>
        <translation>すべてのタイプとレシピ…</translation>
    </message>
    <message>
        <source>Every type of this build, overrides and saved recipes</source>
        <translation>このビルドのすべてのタイプ、個別の指定、保存したレシピ</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>What the target is</source>
        <translation>目標の種類</translation>
    </message>
    <message>
        <source>Best quality under</source>
        <translation>この大きさ以下で最高の品質</translation>
    </message>
    <message>
        <source>Best quality at no less than</source>
        <translation>この速度以上で最高の品質</translation>
    </message>
    <message>
        <source>Search for</source>
        <translation>探す時間</translation>
    </message>
    <message>
        <source>Mixes of types, tensor by tensor, are tried and measured here; the best one that stays within the bound is kept.</source>
        <translation>テンソルごとにタイプの組み合わせを試して測定し、条件を満たす中で最もよいものを残します。</translation>
    </message>
    <message>
        <source>Asking the engine.</source>
        <translation>エンジンに問い合わせています。</translation>
    </message>
    <message>
        <source>Choose none of them</source>
        <translation>すべて外す</translation>
    </message>
    <message>
        <source>Choose the usual six</source>
        <translation>定番の6つを選ぶ</translation>
    </message>
    <message>
        <source>On {type}</source>
        <translation>{type} が元</translation>
    </message>
    <message>
        <source>1 override</source>
        <translation>個別の指定 1件</translation>
    </message>
    <message>
        <source>{count} overrides</source>
        <translation>個別の指定 {count}件</translation>
    </message>
</context>
<context>
    <name>EvaluateCard</name>
    <message>
        <source>Evaluate</source>
        <translation>評価</translation>
    </message>
    <message>
        <source>Measure what each file lost</source>
        <translation>それぞれの損失を測る</translation>
    </message>
    <message>
        <source>Paddock's text</source>
        <translation>付属の文章</translation>
    </message>
    <message>
        <source>Own text</source>
        <translation>自分の文章</translation>
    </message>
    <message>
        <source>Text to compare on</source>
        <translation>比較に使う文章</translation>
    </message>
    <message>
        <source>Time for it</source>
        <translation>かける時間</translation>
    </message>
    <message>
        <source>Fewer parts of the text are read where it would take longer.</source>
        <translation>時間が足りないときは、読む文章を減らします。</translation>
    </message>
    <message>
        <source>As long as it takes</source>
        <translation>制限なし</translation>
    </message>
    <message>
        <source>Answers to a text are compared with those of the whole model.</source>
        <translation>文章に対する答えを、量子化していないモデルと比べます。</translation>
    </message>
    <message>
        <source>A target is met by measuring each file that is tried.</source>
        <translation>目標を満たすかどうかは、試したファイルごとに測って決めます。</translation>
    </message>
    <message>
        <source>Sizes only. Nothing says then what each file lost.</source>
        <translation>サイズだけがわかります。どれだけ失われたかはわかりません。</translation>
    </message>
    <message>
        <source>Other files of this model, to compare with</source>
        <translation>比べたい、このモデルのほかのファイル</translation>
    </message>
</context>
<context>
    <name>TypesPanel</name>
    <message>
        <source>Types and recipes</source>
        <translation>タイプとレシピ</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Saved recipes</source>
        <translation>保存したレシピ</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Name of the recipe</source>
        <translation>レシピの名前</translation>
    </message>
    <message>
        <source>Type the recipe is based on</source>
        <translation>レシピの元になるタイプ</translation>
    </message>
    <message>
        <source>Save the overrides as a recipe</source>
        <translation>個別の指定をレシピとして保存</translation>
    </message>
    <message>
        <source>1 bit</source>
        <translation>1ビット</translation>
    </message>
    <message>
        <source>{bits} bits</source>
        <translation>{bits}ビット</translation>
    </message>
    <message>
        <source>None yet. Set overrides, then save them here under a name.</source>
        <translation>まだありません。個別の指定をしてから、名前を付けて保存します。</translation>
    </message>
    <message>
        <source>Choose them in the card; each makes a file of its own.</source>
        <translation>カードで選びます。レシピごとに1つのファイルができます。</translation>
    </message>
    <message>
        <source>Overrides ({count})</source>
        <translation>個別の指定（{count}）</translation>
    </message>
    <message>
        <source>Overrides</source>
        <translation>個別の指定</translation>
    </message>
    <message>
        <source>What differs from a type's own mix, in every chosen type</source>
        <translation>選んだすべてのタイプで、本来の組み合わせから変えるところ</translation>
    </message>
    <message>
        <source>Set an override and give it a name first.</source>
        <translation>先に、個別の指定と名前を入力してください。</translation>
    </message>
</context>
<context>
    <name>_Saved</name>
    <message>
        <source>Remove {name}</source>
        <translation>{name} を削除</translation>
    </message>
</context>
<context>
    <name>_Rule</name>
    <message>
        <source>Part of the tensors' names</source>
        <translation>テンソル名の一部</translation>
    </message>
    <message>
        <source>Type of these tensors</source>
        <translation>これらのテンソルのタイプ</translation>
    </message>
    <message>
        <source>Remove this line</source>
        <translation>この行を削除</translation>
    </message>
</context>
<context>
    <name>OverrideForm</name>
    <message>
        <source>They hold for every chosen type.</source>
        <translation>選んだすべてのタイプに適用されます。</translation>
    </message>
    <message>
        <source>Output tensor</source>
        <translation>出力テンソル</translation>
    </message>
    <message>
        <source>Token embedding</source>
        <translation>トークン埋め込み</translation>
    </message>
    <message>
        <source>As the type has it</source>
        <translation>タイプのとおり</translation>
    </message>
    <message>
        <source>The same type for all tensors, without the type's mix</source>
        <translation>組み合わせを使わず、すべてのテンソルを同じタイプにする</translation>
    </message>
    <message>
        <source>Tensors whose names match</source>
        <translation>名前が一致するテンソル</translation>
    </message>
    <message>
        <source>Add tensors</source>
        <translation>テンソルを追加</translation>
    </message>
    <message>
        <source>Give tensors whose names match a type of their own</source>
        <translation>名前が一致するテンソルに、別のタイプを割り当てます</translation>
    </message>
</context>
<context>
    <name>PathField</name>
    <message>
        <source>Choose a file…</source>
        <translation>ファイルを選ぶ…</translation>
    </message>
    <message>
        <source>Choose a folder…</source>
        <translation>フォルダーを選ぶ…</translation>
    </message>
    <message>
        <source>Choose a text…</source>
        <translation>文章を選ぶ…</translation>
    </message>
    <message>
        <source>Choose a matrix…</source>
        <translation>行列を選ぶ…</translation>
    </message>
    <message>
        <source>GGUF models (*.gguf)</source>
        <translation>GGUFモデル (*.gguf)</translation>
    </message>
    <message>
        <source>Importance matrices (*.gguf *.dat *.imatrix)</source>
        <translation>重要度行列 (*.gguf *.dat *.imatrix)</translation>
    </message>
</context>
<context>
    <name>OutputLines</name>
    <message>
        <source>File</source>
        <translation>ファイル</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>サイズ</translation>
    </message>
    <message>
        <source>Bits/weight</source>
        <translation>ビット/重み</translation>
    </message>
</context>
<context>
    <name>PlanPane</name>
    <message>
        <source>What will be made</source>
        <translation>作られるもの</translation>
    </message>
    <message>
        <source>Plain types, to compare with</source>
        <translation>比較の基準になる通常のタイプ</translation>
    </message>
    <message>
        <source>within the bound</source>
        <translation>条件内</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>フォルダー</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>変更…</translation>
    </message>
    <message>
        <source>Change the folder</source>
        <translation>フォルダーを変更</translation>
    </message>
    <message>
        <source>Replace the files that exist</source>
        <translation>既存のファイルを置き換える</translation>
    </message>
    <message>
        <source>Names begin with</source>
        <translation>名前の先頭</translation>
    </message>
    <message>
        <source>Each file's name ends with its type.</source>
        <translation>それぞれの名前の末尾にはタイプが付きます。</translation>
    </message>
    <message>
        <source>As the source</source>
        <translation>元のモデルと同じ</translation>
    </message>
    <message>
        <source>exists already</source>
        <translation>すでにあります</translation>
    </message>
    <message>
        <source>1 tensor gets another type</source>
        <translation>1個のテンソルは別のタイプになります</translation>
    </message>
    <message>
        <source>{count} tensors get another type</source>
        <translation>{count}個のテンソルは別のタイプになります</translation>
    </message>
    <message>
        <source>known later</source>
        <translation>変換後に確定</translation>
    </message>
    <message>
        <source>{need} of {free} free</source>
        <translation>{need} / 空き {free}</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>ディスク</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>メモリー</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>時間</translation>
    </message>
    <message>
        <source>{time}, {count} chunks</source>
        <translation>{time}、{count}チャンク</translation>
    </message>
    <message>
        <source>Choose a folder for the files</source>
        <translation>ファイルの保存先フォルダーを選ぶ</translation>
    </message>
</context>
<context>
    <name>LogBox</name>
    <message>
        <source>Log</source>
        <translation>ログ</translation>
    </message>
    <message>
        <source>What the job says, as it comes</source>
        <translation>ジョブの出力をそのまま表示します</translation>
    </message>
    <message>
        <source>Copy the log</source>
        <translation>ログをコピー</translation>
    </message>
    <message>
        <source>Nothing was said yet.</source>
        <translation>まだ何も出力されていません。</translation>
    </message>
</context>
<context>
    <name>EndedRow</name>
    <message>
        <source>Results</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>もう一度試す</translation>
    </message>
</context>
<context>
    <name>EndedPane</name>
    <message>
        <source>Ended</source>
        <translation>終了したもの</translation>
    </message>
</context>
<context>
    <name>JobBoard</name>
    <message>
        <source>Stopping</source>
        <translation>停止しています</translation>
    </message>
    <message>
        <source>Pausing</source>
        <translation>一時停止しています</translation>
    </message>
    <message>
        <source>Waits for other work to end</source>
        <translation>ほかの処理が終わるのを待っています</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>一時停止中</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>開始しています</translation>
    </message>
    <message>
        <source>step {number} of {total}</source>
        <translation>手順 {number} / {total}</translation>
    </message>
    <message>
        <source>about {time} left</source>
        <translation>残り約 {time}</translation>
    </message>
</context>
<context>
    <name>QuantizePresenter</name>
    <message>
        <source>Stopped. Files that are whole are kept.</source>
        <translation>停止しました。完成したファイルは残っています。</translation>
    </message>
    <message>
        <source>Saved as “{name}”.</source>
        <translation>「{name}」として保存しました。</translation>
    </message>
    <message>
        <source>There is a recipe called “{name}” already.</source>
        <translation>「{name}」という名前のレシピはすでにあります。</translation>
    </message>
    <message>
        <source>Replace it</source>
        <translation>置き換える</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <source>“{name}” was removed.</source>
        <translation>「{name}」を削除しました。</translation>
    </message>
</context>
<context>
    <name>MadeFiles</name>
    <message>
        <source>Results</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>{title}: {files} made. They are in the Library.</source>
        <translation>{title}: {files}を作りました。ライブラリーにあります。</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>表示</translation>
    </message>
    <message>
        <source>{title}: {files} made. They lie outside the Library's folders.</source>
        <translation>{title}: {files}を作りました。ライブラリーのフォルダーの外にあります。</translation>
    </message>
    <message>
        <source>Add to the Library</source>
        <translation>ライブラリーに追加</translation>
    </message>
    <message>
        <source>The converter is installed.</source>
        <translation>変換ツールをインストールしました。</translation>
    </message>
    <message>
        <source>The converter is removed.</source>
        <translation>変換ツールを削除しました。</translation>
    </message>
    <message>
        <source>{folder} is part of the Library now.</source>
        <translation>{folder} をライブラリーに追加しました。</translation>
    </message>
    <message>
        <source>{file} lies outside the Library's folders.</source>
        <translation>{file} はライブラリーのフォルダーの外にあります。</translation>
    </message>
</context>
<context>
    <name>Quantize</name>
    <message>
        <source>1 file</source>
        <translation>1個のファイル</translation>
    </message>
    <message>
        <source>{count} files</source>
        <translation>{count}個のファイル</translation>
    </message>
    <message>
        <source>Removing the converter</source>
        <translation>変換ツールの削除</translation>
    </message>
    <message>
        <source>Converter</source>
        <translation>変換ツール</translation>
    </message>
    <message>
        <source>best under {size}</source>
        <translation>{size} 以下で最高</translation>
    </message>
    <message>
        <source>best at {speed} tok/s or more</source>
        <translation>{speed} tok/s 以上で最高</translation>
    </message>
    <message>
        <source>Reading the model</source>
        <translation>モデルを読んでいます</translation>
    </message>
    <message>
        <source>Computing the importance matrix</source>
        <translation>重要度行列を計算しています</translation>
    </message>
    <message>
        <source>Asking the whole model</source>
        <translation>元のモデルの答えを求めています</translation>
    </message>
    <message>
        <source>Reading the checkpoint</source>
        <translation>チェックポイントを読んでいます</translation>
    </message>
    <message>
        <source>Looking up the converter's packages</source>
        <translation>変換ツールのパッケージを調べています</translation>
    </message>
    <message>
        <source>Making a place for the converter</source>
        <translation>変換ツールの場所を用意しています</translation>
    </message>
    <message>
        <source>Getting the converter</source>
        <translation>変換ツールを取得しています</translation>
    </message>
    <message>
        <source>Installing torch and others</source>
        <translation>torchなどをインストールしています</translation>
    </message>
    <message>
        <source>Trying the converter</source>
        <translation>変換ツールを確かめています</translation>
    </message>
    <message>
        <source>Looking at plain types</source>
        <translation>通常のタイプを調べています</translation>
    </message>
    <message>
        <source>Looking at types and tensors</source>
        <translation>タイプとテンソルを調べています</translation>
    </message>
    <message>
        <source>Judging what was found</source>
        <translation>見つかったものを評価しています</translation>
    </message>
    <message>
        <source>Merging</source>
        <translation>統合しています</translation>
    </message>
    <message>
        <source>Splitting</source>
        <translation>分割しています</translation>
    </message>
    <message>
        <source>Joining the parts</source>
        <translation>結合しています</translation>
    </message>
    <message>
        <source>Trial {number}; the best so far: KLD {loss} at {size}</source>
        <translation>試行 {number}、これまでの最良: KLD {loss}（{size}）</translation>
    </message>
    <message>
        <source>Downloading {name}</source>
        <translation>{name} をダウンロードしています</translation>
    </message>
    <message>
        <source>Waiting until no answer is in progress</source>
        <translation>進行中の応答が終わるのを待っています</translation>
    </message>
    <message>
        <source>Measuring its speed</source>
        <translation>速度を測っています</translation>
    </message>
    <message>
        <source>Quantizing to {name}</source>
        <translation>{name} に量子化しています</translation>
    </message>
    <message>
        <source>Comparing {name} with the whole model</source>
        <translation>{name} を元のモデルと比べています</translation>
    </message>
    <message>
        <source>Converting to {name}</source>
        <translation>{name} に変換しています</translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation>{done} / {total}</translation>
    </message>
    <message>
        <source>{done} of {total} tensors</source>
        <translation>テンソル {done} / {total}</translation>
    </message>
    <message>
        <source>{done} of {total} chunks</source>
        <translation>チャンク {done} / {total}</translation>
    </message>
    <message>
        <source>{done} of {total} tests</source>
        <translation>テスト {done} / {total}</translation>
    </message>
    <message>
        <source>The service does not answer.</source>
        <translation>サービスが応答していません。</translation>
    </message>
    <message>
        <source>Choose what to quantize.</source>
        <translation>量子化するものを選んでください。</translation>
    </message>
    <message>
        <source>A target is searched for with a GGUF file: convert the checkpoint first.</source>
        <translation>目標を指定するにはGGUFファイルが必要です。先にチェックポイントを変換してください。</translation>
    </message>
    <message>
        <source>Choose at least one type.</source>
        <translation>タイプを1つ以上選んでください。</translation>
    </message>
    <message>
        <source>Choose the text or the matrix.</source>
        <translation>文章か行列を選んでください。</translation>
    </message>
    <message>
        <source>{types} cannot be made without a matrix.</source>
        <translation>{types} は重要度行列がないと作れません。</translation>
    </message>
    <message>
        <source>Choose the text to compare on.</source>
        <translation>比較に使う文章を選んでください。</translation>
    </message>
    <message>
        <source>Working out what it will be.</source>
        <translation>できあがりを調べています。</translation>
    </message>
    <message>
        <source>Agree to quantizing it again.</source>
        <translation>もう一度量子化することに同意してください。</translation>
    </message>
    <message>
        <source>Agree to reading pickles.</source>
        <translation>pickleを読み込むことに同意してください。</translation>
    </message>
    <message>
        <source>Agree to replacing files, or choose another folder.</source>
        <translation>ファイルの置き換えに同意するか、別のフォルダーを選んでください。</translation>
    </message>
    <message>
        <source>{need} are needed on the disk and {free} are free.</source>
        <translation>ディスクに {need} が必要ですが、空きは {free} です。</translation>
    </message>
    <message>
        <source>{bits} bits per weight</source>
        <translation>重みあたり{bits}ビット</translation>
    </message>
    <message>
        <source>needs an importance matrix</source>
        <translation>重要度行列が必要</translation>
    </message>
</context>
</TS>
